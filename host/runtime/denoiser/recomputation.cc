#include "host/runtime/denoiser/recomputation.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include "host/runtime/nn/input_gradient.h"
#include "host/runtime/nn/wants_gradient.h"

namespace patchbay {
namespace {

DenoiserHooks NoHooks(bool norms_over_pictures) {
  DenoiserHooks hooks;
  hooks.norms_over_pictures = norms_over_pictures;
  return hooks;
}

// Group norms over all pictures ask for their number.
patchbay_step StepOf(const UNetCall& call) {
  patchbay_step step{};
  step.struct_size = sizeof(step);
  const Evaluation* evaluation = call.operators.evaluation;
  step.picture_count = evaluation == nullptr ? 1 : evaluation->step.picture_count;
  return step;
}

struct RecomputedModule {
  static constexpr bool kKeepsInput = true;
};

}  // namespace

LastingCall::LastingCall(const UNetCall& call, int64_t least_numbers)
    : least_numbers_(least_numbers),
      text_(call.text),
      hooks_(NoHooks(call.norms_over_pictures())),
      step_(StepOf(call)),
      evaluation_{step_, {}},
      call_{text_, OperatorCall(no_patches_, &evaluation_), hooks_, call.activated_time_embedding,
            nullptr} {}

bool IsRecomputed(const UNetCall& call, SiteIndex first, SiteIndex last, const at::Tensor& x) {
  if (call.lasting == nullptr || !WantsGradient(x) || x.numel() < call.lasting->least_numbers() ||
      call.activated_time_embedding.requires_grad()) {
    return false;
  }
  for (auto i = static_cast<int32_t>(first); i <= static_cast<int32_t>(last); ++i) {
    const SiteIndex site{i};
    if (call.operators.table.Find(site) != nullptr) return false;
    if (call.hooks.attentions.Find(site) != nullptr) return false;
  }
  return true;
}

at::Tensor ComputedAgain(const at::Tensor& x,
                         const std::function<at::Tensor(const at::Tensor&)>& body) {
  return WithInputGradient<RecomputedModule>(
      x, body, [body](const at::Tensor& kept, const at::Tensor& of_output) {
        const at::Tensor input = kept.detach().requires_grad_(true);
        const c10::AutoGradMode gradients(true);
        return torch::autograd::grad({body(input)}, {input}, {of_output}).front();
      });
}

}  // namespace patchbay
