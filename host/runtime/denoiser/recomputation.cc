#include "host/runtime/denoiser/recomputation.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

#include <utility>

namespace patchbay {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

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

struct KeptBody : torch::CustomClassHolder {
  explicit KeptBody(std::function<at::Tensor(const at::Tensor&)> body) : run(std::move(body)) {}
  const std::function<at::Tensor(const at::Tensor&)> run;
};

struct RecomputedModule : torch::autograd::Function<RecomputedModule> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x,
                            const c10::intrusive_ptr<KeptBody>& body) {
    context->saved_data["body"] = c10::IValue::make_capsule(body);
    context->save_for_backward({x});
    return body->run(x);
  }

  static variable_list backward(AutogradContext* context, const variable_list& wanted) {
    const auto body =
        c10::static_intrusive_pointer_cast<KeptBody>(context->saved_data["body"].toCapsule());
    const at::Tensor x = context->get_saved_variables().front().detach().requires_grad_(true);
    at::Tensor output;
    {
      const c10::AutoGradMode gradients(true);
      output = body->run(x);
    }
    return {torch::autograd::grad({output}, {x}, {wanted.front()}).front(), at::Tensor()};
  }
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
  if (call.lasting == nullptr || !x.requires_grad() || !c10::GradMode::is_enabled() ||
      x.numel() < call.lasting->least_numbers() || call.activated_time_embedding.requires_grad()) {
    return false;
  }
  for (auto i = static_cast<int32_t>(first); i <= static_cast<int32_t>(last); ++i) {
    const SiteIndex site{i};
    if (call.operators.table.Find(site) != nullptr) return false;
    if (call.hooks.attentions.Find(site) != nullptr) return false;
  }
  return true;
}

at::Tensor ComputedAgain(const at::Tensor& x, std::function<at::Tensor(const at::Tensor&)> body) {
  return RecomputedModule::apply(x, c10::make_intrusive<KeptBody>(std::move(body)));
}

}  // namespace patchbay
