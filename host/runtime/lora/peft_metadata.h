#ifndef PATCHBAY_HOST_RUNTIME_LORA_PEFT_METADATA_H_
#define PATCHBAY_HOST_RUNTIME_LORA_PEFT_METADATA_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "host/formats/safetensors.h"
#include "host/runtime/lora/lora_file.h"

namespace patchbay {

// The part of PEFT's LoraConfig that the tensors do not tell.
struct PeftSettings {
  std::optional<double> alpha;  // the strength is alpha / rank
  bool root_rank = false;       // or alpha / sqrt(rank)
};

// What PEFT and diffusers say about a LoRA beside its tensors: diffusers in the file's metadata
// (lora_adapter_metadata), PEFT in adapter_config.json in the same folder. Immutable.
class PeftMetadata {
 public:
  explicit PeftMetadata(const SafetensorsFile& file);

  // For one module, spelled as in the file without the role
  // ("unet.mid_block.attentions.0.proj_in"). Its alpha is that of the first key of alpha_pattern
  // that fits, else lora_alpha; a key fits when it is, as a regular expression, the module's path
  // or the end of it after a dot (PEFT, utils/other.py, get_pattern_key). The ranks of rank_pattern
  // are the tensors' own. Nothing is set when there is no such metadata. INVALID_ARGUMENT for a
  // pattern that cannot be understood.
  absl::StatusOr<PeftSettings> For(LoraComponent component, const std::string& module) const;

 private:
  // The order of a pattern's keys counts.
  using Json = nlohmann::ordered_json;

  std::string path_;
  Json metadata_;
  Json config_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_LORA_PEFT_METADATA_H_
