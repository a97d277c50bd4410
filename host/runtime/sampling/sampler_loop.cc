#include "host/runtime/sampling/sampler_loop.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

// x at the level where step `index` starts, when the step before led elsewhere.
at::Tensor AtLevelOf(const SamplingPlan& plan, size_t index, const at::Tensor& x) {
  if (!plan.variance_preserving || index == 0) return x;
  const double now = plan.steps[index - 1].sigma_next;
  const double wanted = plan.steps[index].sigma;
  return now == wanted ? x : x * std::sqrt((1 + wanted * wanted) / (1 + now * now));
}

}  // namespace

absl::StatusOr<at::Tensor> RunSampler(Sampler& sampler, const SamplingPlan& plan, at::Tensor x,
                                      Denoise denoise, DrawNoise draw_noise, AfterStep after_step) {
  const StepContext context{plan, denoise, draw_noise};
  bool continues = false;
  for (size_t index = 0; index < plan.steps.size();) {
    if (continues) x = AtLevelOf(plan, index, x);
    PATCHBAY_ASSIGN_OR_RETURN(x, sampler.Step(index, x, context));
    size_t next = index + 1;
    PATCHBAY_RETURN_IF_ERROR(after_step(index, x, next));
    if (next > plan.steps.size()) {
      return absl::OutOfRangeError(absl::StrCat("a hook asked for step ", next, " of a pass of ",
                                                plan.steps.size(), " steps"));
    }
    continues = next == index + 1;
    if (!continues) sampler.Forget();
    index = next;
  }
  return x;
}

}  // namespace patchbay
