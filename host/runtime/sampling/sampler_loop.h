#ifndef PATCHBAY_HOST_RUNTIME_SAMPLING_SAMPLER_LOOP_H_
#define PATCHBAY_HOST_RUNTIME_SAMPLING_SAMPLER_LOOP_H_

#include <ATen/ATen.h>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "host/runtime/sampling/sampler.h"

namespace patchbay {

// Called after each step with its index and the latent that it led to, at plan.steps[step]'s
// sigma_next. May replace the latent. May set `next`, which is step + 1 when the call begins, to
// any index up to plan.steps.size(), also backwards; the latent must then be at the level where
// that step starts, and the sampler begins anew there: a multi-step method forgets its history,
// because it belongs to another path. An error ends the pass.
using AfterStep = absl::FunctionRef<absl::Status(size_t step, at::Tensor& x, size_t& next)>;

// Takes x through the steps of a plan. Errors: whatever `denoise` and `after_step` return, and
// OUT_OF_RANGE for a jump to a step that the plan does not have. A hook that keeps jumping back
// never ends; limiting that is the caller's business.
absl::StatusOr<at::Tensor> RunSampler(Sampler& sampler, const SamplingPlan& plan, at::Tensor x,
                                      Denoise denoise, DrawNoise draw_noise, AfterStep after_step);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_SAMPLING_SAMPLER_LOOP_H_
