#ifndef PATCHBAY_HOST_RUNTIME_SAMPLING_SAMPLING_PLAN_H_
#define PATCHBAY_HOST_RUNTIME_SAMPLING_SAMPLING_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/runtime/sampling/noise_schedule.h"

namespace patchbay {

// The levels of noise that a pass visits.
struct SamplingPlan {
  struct Step {
    double sigma = 0;
    double sigma_next = 0;  // what the step leads to
    double timestep = 0;    // what the network is told
  };
  std::vector<Step> steps;
  // The first latent is unit-variance noise times this.
  double first_scale = 1;
  // The pass's result is the last latent times this: 1 unless a variance-preserving sampler ends
  // above sigma 0.
  double last_scale = 1;
};

// Plans `steps` steps of a sampler by diffusers' rules for the named spacing ("leading",
// "linspace", "trailing"; empty: the model's, else the sampler's default) or table ("karras",
// "exponential"). INVALID_ARGUMENT for 0 steps, more steps than the model has timesteps, or an
// unknown name.
absl::StatusOr<SamplingPlan> PlanSampling(const NoiseSchedule& schedule, const std::string& sampler,
                                          const std::string& schedule_name, int64_t steps);

// Keeps the last part of a plan, for a start from a picture noised to `strength` in (0, 1]: the
// first steps.size() * (1 - strength) steps, rounded up, fall away.
SamplingPlan StartAtStrength(SamplingPlan plan, double strength);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_SAMPLING_SAMPLING_PLAN_H_
