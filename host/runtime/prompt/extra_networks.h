#ifndef PATCHBAY_HOST_RUNTIME_PROMPT_EXTRA_NETWORKS_H_
#define PATCHBAY_HOST_RUNTIME_PROMPT_EXTRA_NETWORKS_H_

#include <string>
#include <string_view>
#include <vector>

namespace patchbay {

// A network that a prompt asks for, such as <lora:film:0.8>.
struct ExtraNetworkTag {
  // As written: "lora", "lyco", "hypernet", ...
  std::string type;
  std::string name;
  // Strength in the text encoder and in the denoiser; any finite number.
  double text_weight = 1;
  double unet_weight = 1;
  bool operator==(const ExtraNetworkTag&) const = default;
};

struct PromptWithoutTags {
  std::string text;
  // In order; a network may occur several times.
  std::vector<ExtraNetworkTag> tags;
  // Tags that could not be read and so stayed in the text, and arguments without effect.
  std::vector<std::string> warnings;
};

// Takes A1111's tags out of a prompt, whatever their type:
//   <type:name>  <type:name:te>  <type:name:te:unet>  <type:name:te=0.5:unet=1>
// unet defaults to te, te to 1. The text around a tag stays as it is, spaces included. A tag
// without a name or with a weight that is no number stays in the text. Takes linear time. Source:
// AUTOMATIC1111, modules/extra_networks.py (parse_prompt) and
// extensions-builtin/Lora/extra_networks_lora.py.
PromptWithoutTags TakeExtraNetworks(std::string_view prompt);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PROMPT_EXTRA_NETWORKS_H_
