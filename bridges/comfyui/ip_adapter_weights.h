#ifndef PATCHBAY_BRIDGES_COMFYUI_IP_ADAPTER_WEIGHTS_H_
#define PATCHBAY_BRIDGES_COMFYUI_IP_ADAPTER_WEIGHTS_H_

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace patchbay::comfyui {

// What ComfyUI_IPAdapter_plus calls weight types, but those that put a picture into the
// unconditional prediction ("... precise").
inline constexpr std::array<std::string_view, 13> kIpAdapterWeightTypes = {"linear",
                                                                           "ease in",
                                                                           "ease out",
                                                                           "ease in-out",
                                                                           "reverse in-out",
                                                                           "weak input",
                                                                           "weak output",
                                                                           "weak middle",
                                                                           "strong middle",
                                                                           "style transfer",
                                                                           "composition",
                                                                           "strong style transfer",
                                                                           "style and composition"};

// Those of its simple node: "linear", "ease out" and "style transfer" by other names.
inline constexpr std::array<std::string_view, 3> kSimpleIpAdapterWeightTypes = {
    "standard", "prompt is more important", "style transfer"};

// How strongly each transformer of a model's denoiser, in the order in which it runs, sees a
// picture of this weight; `type` is one of the names above. Empty: all alike. `family`: as the host
// names the model's; UNIMPLEMENTED where it is none of Stable Diffusion 1 and 2 (16 transformers)
// and SDXL (11).
absl::StatusOr<std::vector<double>> IpAdapterBlockWeights(std::string_view type, double weight,
                                                          const std::string& family);

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_IP_ADAPTER_WEIGHTS_H_
