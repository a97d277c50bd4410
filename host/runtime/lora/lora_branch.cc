#include "host/runtime/lora/lora_branch.h"

#include <string>

#include "host/runtime/lora/weight_change.h"

namespace patchbay {
namespace {

at::Tensor WithKernel(const at::Tensor& tensor) {
  return tensor.dim() == 2 ? tensor.unsqueeze(-1).unsqueeze(-1) : tensor;
}

// The product that has the convolution's kernel, or a kernel of 1 where the LoRA's author chose
// that.
at::Tensor Convolve(const at::Tensor& x, const at::Tensor& weight,
                    const ConvolutionGeometry& geometry) {
  if (weight.size(2) == 1) return at::conv2d(x, weight, {}, geometry.stride);
  return at::conv2d(x, weight, {}, geometry.stride, geometry.padding, geometry.dilation);
}

}  // namespace

bool IsPlainLora(const LoraModule& module) {
  return module.Has(LoraRole::kDown) && module.Has(LoraRole::kUp) &&
         !module.Has(LoraRole::kDoraScale) && !module.Has(LoraRole::kDoraMagnitude) &&
         !module.Has(LoraRole::kDiff) && !module.Has(LoraRole::kBiasDiff);
}

void LoraBranches::Add(const LoraModule& module, const Site& site, double strength,
                       at::ScalarType precision, at::Device device) {
  const auto options = at::TensorOptions().dtype(precision).device(device);
  Branch branch;
  branch.convolution = site.kind == SiteKind::kConvolution;
  at::Tensor down = module.tensors.at(LoraRole::kDown);
  // In fp32, so that a small scale does not underflow in half precision before it is multiplied.
  at::Tensor up = module.tensors.at(LoraRole::kUp).to(at::kFloat) * (strength * LoraScale(module));
  if (branch.convolution) {
    down = WithKernel(down);
    up = WithKernel(up);
  } else {
    down = down.dim() > 2 ? down.flatten(1) : down;
    up = up.dim() > 2 ? up.flatten(1) : up;
  }
  branch.down = down.to(options, /*non_blocking=*/false, /*copy=*/true);
  branch.up = up.to(options);
  if (branch.convolution && module.Has(LoraRole::kMid)) {
    branch.mid = module.tensors.at(LoraRole::kMid).to(options, false, true);
  }
  branches_.push_back(std::move(branch));
}

at::Tensor LoraBranches::Run(const Branch& branch, const OperatorInput& input) {
  if (!branch.convolution) return at::linear(at::linear(input.x, branch.down), branch.up);
  const ConvolutionGeometry& geometry = *input.geometry;
  if (!branch.mid.defined()) {
    return at::conv2d(Convolve(input.x, branch.down, geometry), branch.up);
  }
  const at::Tensor narrow = at::conv2d(input.x, branch.down);
  return at::conv2d(Convolve(narrow, branch.mid, geometry), branch.up);
}

at::Tensor LoraBranches::Forward(const OperatorInput& input,
                                 absl::FunctionRef<at::Tensor(const at::Tensor&)> original) const {
  at::Tensor y = original(input.x);
  for (const Branch& branch : branches_) y = y + Run(branch, input);
  return y;
}

}  // namespace patchbay
