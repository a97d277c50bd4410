#include "host/runtime/nn/normalization.h"

namespace patchbay {

GroupNorm::GroupNorm(const ModuleScope& scope, int64_t channels, int64_t groups, double epsilon)
    : groups_(groups),
      epsilon_(epsilon),
      weight_(scope.Read("weight", {channels})),
      bias_(scope.Read("bias", {channels})) {}

at::Tensor GroupNorm::Forward(const at::Tensor& x) const {
  return at::group_norm(x, groups_, weight_, bias_, epsilon_);
}

at::Tensor GroupNorm::ForwardSilu(const at::Tensor& x) const {
  at::Tensor y = Forward(x);
  return at::silu_(y);
}

at::Tensor GroupNorm::ForwardShiftedSilu(const at::Tensor& x, const at::Tensor& shift) const {
  return ForwardSilu(x + shift.unsqueeze(-1).unsqueeze(-1));
}

LayerNorm::LayerNorm(const ModuleScope& scope, int64_t width, double epsilon)
    : epsilon_(epsilon),
      weight_(scope.Read("weight", {width})),
      bias_(scope.Read("bias", {width})) {}

at::Tensor LayerNorm::Forward(const at::Tensor& x) const {
  return at::layer_norm(x, {weight_.size(0)}, weight_, bias_, epsilon_);
}

}  // namespace patchbay
