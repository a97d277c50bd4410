#ifndef PATCHBAY_HOST_RUNTIME_SAMPLING_SAMPLING_PLAN_H_
#define PATCHBAY_HOST_RUNTIME_SAMPLING_SAMPLING_PLAN_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/base/compat_profile.h"
#include "host/runtime/sampling/noise_schedule.h"

namespace patchbay {

// The levels of noise that a pass visits, and what the network is told at each.
struct SamplingPlan {
  struct Step {
    double sigma = 0;       // where the denoiser is evaluated
    double sigma_next = 0;  // what the step leads to
    double timestep = 0;    // what the network is told
    // Where the step starts: sigma, except in PLMS's second evaluation, which repeats the first
    // move with a better direction.
    double sigma_from = 0;
  };
  std::vector<Step> steps;
  // The schedule's name, also where the request left it open.
  std::string schedule;
  // Without a picture to start from, the first latent is unit-variance noise times this.
  double first_scale = 1;
  // With one, it is picture_scale * clean + noise_scale * noise.
  double picture_scale = 1;
  double noise_scale = 1;
  // The pass's result is the last latent times this: 1 unless a variance-preserving sampler ends
  // above sigma 0.
  double last_scale = 1;
  // The sampler's own latents have unit variance. Where the level that a step leads to is not the
  // next step's (some of diffusers' spacings), their variance stays and sigma jumps.
  bool variance_preserving = false;
  // Timestep for a level between those of the plan.
  std::function<double(double sigma)> timestep_of;
};

// Which of a schedule's steps are made; see StepRange.
struct PlannedRange {
  int64_t first = 0;
  std::optional<int64_t> end;
  bool keeps_noise = false;
};

struct SamplingPlanRequest {
  CompatProfile compat = CompatProfile::kDiffusers;
  std::string sampler = "euler";  // a canonical name
  // A canonical name; empty: the profile's choice for this sampler, or the model's own.
  std::string schedule;
  int64_t steps = 20;
  // Start from a picture noised to `strength` in (0, 1].
  bool from_picture = false;
  double strength = 1;
  // ComfyUI's profile only.
  std::optional<PlannedRange> range = std::nullopt;
};

// Plans a pass by the rules of a profile (diffusers_plan.cc, comfyui_plan.cc, a1111_plan.cc). The
// schedule must outlive the plan. A plan has no steps only where the range begins behind the last
// one. INVALID_ARGUMENT for a number of steps that the model or the schedule cannot make.
absl::StatusOr<SamplingPlan> PlanSampling(const NoiseSchedule& schedule,
                                          const SamplingPlanRequest& request);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_SAMPLING_SAMPLING_PLAN_H_
