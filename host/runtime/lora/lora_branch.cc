#include "host/runtime/lora/lora_branch.h"

#include <string>

#include "host/runtime/lora/weight_change.h"

namespace patchbay {
namespace {

at::Tensor WithKernel(const at::Tensor& tensor) {
  return tensor.dim() == 2 ? tensor.unsqueeze(-1).unsqueeze(-1) : tensor;
}

at::Tensor SamePadding(const at::Tensor& x, const at::Tensor& weight, int64_t stride) {
  return at::conv2d(x, weight, {}, stride, {weight.size(2) / 2, weight.size(3) / 2});
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
  if (site.diffusers_name.find("downsamplers.") != std::string::npos) branch.stride = 2;
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

at::Tensor LoraBranches::Run(const Branch& branch, const at::Tensor& x) {
  if (!branch.convolution) return at::linear(at::linear(x, branch.down), branch.up);
  at::Tensor h = SamePadding(x, branch.down, branch.mid.defined() ? 1 : branch.stride);
  if (branch.mid.defined()) h = SamePadding(h, branch.mid, branch.stride);
  return at::conv2d(h, branch.up);
}

at::Tensor LoraBranches::Forward(const at::Tensor& x,
                                 absl::FunctionRef<at::Tensor(const at::Tensor&)> original) const {
  at::Tensor y = original(x);
  for (const Branch& branch : branches_) y = y + Run(branch, x);
  return y;
}

}  // namespace patchbay
