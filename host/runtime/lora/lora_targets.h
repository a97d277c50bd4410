#ifndef PATCHBAY_HOST_RUNTIME_LORA_LORA_TARGETS_H_
#define PATCHBAY_HOST_RUNTIME_LORA_LORA_TARGETS_H_

#include <map>
#include <string>
#include <vector>

#include "host/runtime/checkpoint/checkpoint.h"
#include "host/runtime/lora/lora_file.h"

namespace patchbay {

// A module of the model that a LoRA can change.
struct LoraTarget {
  LoraComponent component = LoraComponent::kUnknown;
  std::string path;  // diffusers, without ".weight"
  std::vector<int64_t> weight_shape;
};

// Finds modules by the flattened names of LoRA files. An underscore in such a name may have been a
// dot or an underscore, so nothing is taken apart: every module of the model is entered under all
// its spellings. Immutable; any thread may read.
class LoraTargets {
 public:
  explicit LoraTargets(const Checkpoint& checkpoint);

  // Null when the model has no such module. A module of unknown component is looked for in the
  // U-Net, then in the text encoders.
  const LoraTarget* Find(const LoraModule& module) const;

 private:
  using Table = std::map<std::string, LoraTarget, std::less<>>;
  void Enter(LoraComponent component, const std::string& spelling, const LoraTarget& target);
  const LoraTarget* FindIn(LoraComponent component, const std::string& flat_path) const;

  std::map<LoraComponent, Table> tables_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_LORA_LORA_TARGETS_H_
