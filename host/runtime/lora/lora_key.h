#ifndef PATCHBAY_HOST_RUNTIME_LORA_LORA_KEY_H_
#define PATCHBAY_HOST_RUNTIME_LORA_LORA_KEY_H_

#include <optional>
#include <string>
#include <string_view>

#include "host/runtime/lora/lora_file.h"

namespace patchbay {

// A tensor's name in a LoRA file, taken apart.
struct LoraKey {
  std::string module;  // as written, without the role
  LoraRole role = LoraRole::kDown;
  LoraComponent component = LoraComponent::kUnknown;
  std::string flat_path;
};

// Nothing when the name ends in no known role.
std::optional<LoraKey> ParseLoraKey(std::string_view key);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_LORA_LORA_KEY_H_
