#ifndef PATCHBAY_HOST_RUNTIME_NN_INPUT_GRADIENT_H_
#define PATCHBAY_HOST_RUNTIME_NN_INPUT_GRADIENT_H_

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

#include <functional>
#include <utility>

#include "absl/functional/function_ref.h"

namespace patchbay {

// The gradient of a function's input x, from that of its output. x is undefined where it is not
// kept.
using InputGradient = std::function<at::Tensor(const at::Tensor& x, const at::Tensor& of_output)>;

// Part of WithInputGradient.
template <typename Kind>
struct FunctionOfInput : torch::autograd::Function<FunctionOfInput<Kind>> {
  using Context = torch::autograd::AutogradContext;

  struct Gradient : torch::CustomClassHolder {
    explicit Gradient(InputGradient gradient) : compute(std::move(gradient)) {}
    const InputGradient compute;
  };

  static at::Tensor forward(Context* context, const at::Tensor& x, bool keeps_input,
                            absl::FunctionRef<at::Tensor(const at::Tensor&)> function,
                            const c10::intrusive_ptr<Gradient>& gradient) {
    context->saved_data["gradient"] = c10::IValue::make_capsule(gradient);
    if (keeps_input) context->save_for_backward({x});
    return function(x);
  }

  static torch::autograd::variable_list backward(Context* context,
                                                 const torch::autograd::variable_list& of_outputs) {
    const auto gradient =
        c10::static_intrusive_pointer_cast<Gradient>(context->saved_data["gradient"].toCapsule());
    const auto kept = context->get_saved_variables();
    const at::Tensor x = kept.empty() ? at::Tensor() : kept.front();
    return {gradient->compute(x, of_outputs.front()), {}, {}, {}};
  }
};

// function(x), recorded as one node of LibTorch's graph, which keeps `gradient`, and x where that
// asks for it, instead of what `function` computes on the way. x must be all that the result owes
// anything to, and want a gradient. Kind::kKeepsInput says whether x is kept; its name is the
// node's.
template <typename Kind>
at::Tensor WithInputGradient(const at::Tensor& x,
                             absl::FunctionRef<at::Tensor(const at::Tensor&)> function,
                             InputGradient gradient) {
  using Function = FunctionOfInput<Kind>;
  return Function::apply(x, Kind::kKeepsInput, function,
                         c10::make_intrusive<typename Function::Gradient>(std::move(gradient)));
}

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_NN_INPUT_GRADIENT_H_
