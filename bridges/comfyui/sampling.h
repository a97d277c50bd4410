#ifndef PATCHBAY_BRIDGES_COMFYUI_SAMPLING_H_
#define PATCHBAY_BRIDGES_COMFYUI_SAMPLING_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bridges/comfyui/node_class.h"

namespace patchbay::comfyui {

// Everything that a sampler node says.
struct SamplingRequest {
  uint64_t seed = 0;
  int steps = 20;
  double cfg = 8;
  std::string sampler;    // ComfyUI's name
  std::string scheduler;  // ComfyUI's name
  double denoise = 1;     // 0: the latent stays as it is
  ModelValue model;
  ConditioningValue positive, negative;
  LatentValue latent;
  std::optional<v1::StepRange> range = {};  // absent: all steps
};

// ComfyUI's names that the host can draw with; the "_cfg_pp" ones when the plugin "cfgpp" is there.
std::vector<std::string> SamplerNames(bool with_cfg_pp);
std::vector<std::string> SchedulerNames();

// Draws on the host with ComfyUI's conventions and waits for it; progress, previews and
// interruption go through `call`. The result is the host's latent, with the pictures that it
// decodes to when the node's output `output` feeds a VAEDecode. CANCELLED when it was interrupted,
// UNIMPLEMENTED for what the host cannot draw with, and why.
absl::StatusOr<LatentValue> Sample(const SamplingRequest& request, NodeCall& call);

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_SAMPLING_H_
