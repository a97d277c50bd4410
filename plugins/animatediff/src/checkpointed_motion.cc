#include "plugins/animatediff/src/checkpointed_motion.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <utility>
#include <vector>

#include "plugins/animatediff/src/temporal_lora.h"

namespace animatediff {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Besides the features, the LoRA's tensors must be inputs of the function to have gradients.
struct Recomputed : torch::autograd::Function<Recomputed> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& features,
                            const MotionModule* module, int64_t frames, const LoraUse* lora,
                            at::TensorList tensors) {
    context->saved_data["module"] = reinterpret_cast<int64_t>(module);
    context->saved_data["frames"] = frames;
    context->saved_data["lora"] = reinterpret_cast<int64_t>(lora->lora);
    context->saved_data["multiplier"] = lora->multiplier;
    variable_list saved = {features};
    saved.insert(saved.end(), tensors.begin(), tensors.end());
    context->save_for_backward(saved);
    return AddedMotion(*module, features, frames, *lora);
  }

  static variable_list backward(AutogradContext* context, const variable_list& wanted) {
    const variable_list saved = context->get_saved_variables();
    const auto* const module =
        reinterpret_cast<const MotionModule*>(context->saved_data["module"].toInt());
    const auto* const layout =
        reinterpret_cast<const ModuleLora*>(context->saved_data["lora"].toInt());
    std::vector<at::Tensor> inputs;
    for (const at::Tensor& tensor : saved) {
      inputs.push_back(tensor.detach().requires_grad_(true));
    }
    const ModuleLora lora = LoraOf(*layout, {inputs.begin() + 1, inputs.end()});
    const LoraUse use{&lora, context->saved_data["multiplier"].toDouble(), {}, false};
    at::Tensor added;
    {
      const c10::AutoGradMode gradients(true);
      added = AddedMotion(*module, inputs.front(), context->saved_data["frames"].toInt(), use);
    }
    variable_list gradients = torch::autograd::grad({added}, inputs, {wanted.front()});
    // What is no tensor has none.
    gradients.insert(gradients.begin() + 1, 3, at::Tensor());
    return gradients;
  }
};

}  // namespace

at::Tensor CheckpointedMotion(const MotionModule& module, const at::Tensor& features,
                              int64_t frames, const LoraUse& lora) {
  const std::vector<at::Tensor> tensors = TensorsOf(*lora.lora);
  // A vector would not be taken for inputs.
  return Recomputed::apply(features, &module, frames, &lora, at::TensorList(tensors));
}

}  // namespace animatediff
