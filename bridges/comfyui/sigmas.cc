#include "bridges/comfyui/sigmas.h"

#include <algorithm>
#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace patchbay::comfyui {
namespace {

constexpr int kTrainedSteps = 1000;
constexpr double kWholeSchedule = 0.9999;

// KSampler leaves out the last level but one for these; the host always does, as no other node
// does.
bool LeavesOutALevel(const std::string& sampler) {
  return sampler == "dpm_2" || sampler == "dpm_2_ancestral" || sampler == "uni_pc" ||
         sampler == "uni_pc_bh2";
}

// "ddim_uniform" can have more levels than were asked for. KSampler takes them all, and the nodes
// that give levels leave out so many of the first.
int SurplusLevels(const SigmasValue& sigmas) {
  if (sigmas.scheduler != "ddim_uniform" || sigmas.denoise < kWholeSchedule) return 0;
  const int stride = std::max(kTrainedSteps / sigmas.steps, 1);
  const int levels = (kTrainedSteps - 2) / stride + 1;
  return std::max(levels - sigmas.steps, 0);
}

SigmasValue Nothing(SigmasValue sigmas) {
  sigmas.first = 1;
  sigmas.last = 0;
  return sigmas;
}

bool IsNothing(const SigmasValue& sigmas) {
  return sigmas.denoise <= 0 || (sigmas.last.has_value() && *sigmas.last < sigmas.first);
}

}  // namespace

std::pair<SigmasValue, SigmasValue> SplitAt(const SigmasValue& sigmas, int step) {
  if (IsNothing(sigmas)) return {sigmas, sigmas};
  const int place = sigmas.first + step;
  SigmasValue high = sigmas, low = sigmas;
  high.last = std::min(sigmas.last.value_or(place), place);
  // As many levels as there are at most: the end of them is the schedule's own.
  if (*high.last >= sigmas.steps && !sigmas.last.has_value()) high.last.reset();
  low.first = place;
  return {high, low};
}

absl::StatusOr<std::pair<SigmasValue, SigmasValue>> SplitByShare(const SigmasValue& sigmas,
                                                                 double denoise) {
  if (sigmas.scheduler == "ddim_uniform" || sigmas.scheduler == "beta") {
    return absl::UnimplementedError(
        absl::StrCat("how many levels the schedule ", sigmas.scheduler,
                     " has is known when it is drawn with; split it at a step (SplitSigmas)"));
  }
  if (IsNothing(sigmas)) return std::pair(sigmas, sigmas);
  const int end = std::min(sigmas.last.value_or(sigmas.steps), sigmas.steps);
  const int steps = std::max(end - sigmas.first, 0);
  // Python's round(): halves go to the even neighbour.
  const auto kept = static_cast<int>(std::nearbyint(steps * denoise));
  std::pair<SigmasValue, SigmasValue> parts = SplitAt(sigmas, steps - kept);
  if (kept == 0) parts.first = Nothing(sigmas);
  return parts;
}

absl::StatusOr<SigmasPlan> PlanSigmas(const SigmasValue& sigmas, const std::string& sampler,
                                      bool adds_noise) {
  if (LeavesOutALevel(sampler)) {
    return absl::UnimplementedError(absl::StrCat(
        "with the sampler ", sampler,
        " this server leaves out the last level but one, as KSampler does; levels that "
        "are given by a node cannot be told to it; use KSampler or KSamplerAdvanced"));
  }
  SigmasPlan plan;
  plan.is_nothing = IsNothing(sigmas);
  if (plan.is_nothing) return plan;
  if (sigmas.last == sigmas.first) {
    plan.is_nothing = true;
    if (!adds_noise) return plan;
    return absl::UnimplementedError(
        "these sigmas are one level, through which no step leads; this server cannot only add "
        "noise");
  }
  const int surplus = SurplusLevels(sigmas);
  const int first = sigmas.first + surplus;
  if (first == 0 && !sigmas.last.has_value() && adds_noise) return plan;
  v1::StepRange& range = plan.range.emplace();
  range.set_first(first);
  if (sigmas.last.has_value()) {
    range.set_end(*sigmas.last + surplus);
    range.set_keep_noise(true);
  }
  range.set_without_added_noise(!adds_noise);
  return plan;
}

}  // namespace patchbay::comfyui
