#ifndef PATCHBAY_BRIDGES_COMFYUI_SIGMAS_H_
#define PATCHBAY_BRIDGES_COMFYUI_SIGMAS_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "bridges/comfyui/node_value.h"

namespace patchbay::comfyui {

// The levels up to number `step` of these, and those from it on (SplitSigmas).
std::pair<SigmasValue, SigmasValue> SplitAt(const SigmasValue& sigmas, int step);
// The same, so that the second part has the share `denoise` of the steps, rounded. UNIMPLEMENTED
// for schedules of which only the host knows how many levels they have.
absl::StatusOr<std::pair<SigmasValue, SigmasValue>> SplitByShare(const SigmasValue& sigmas,
                                                                 double denoise);

// How the host is told to make the steps through these levels, as far as a KSampler's settings can
// say it. `is_nothing`: no step is to be made.
struct SigmasPlan {
  bool is_nothing = false;
  std::optional<v1::StepRange> range;  // absent: all steps
};
// UNIMPLEMENTED, with the reason, for levels that it cannot be told.
absl::StatusOr<SigmasPlan> PlanSigmas(const SigmasValue& sigmas, const std::string& sampler,
                                      bool adds_noise);

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_SIGMAS_H_
