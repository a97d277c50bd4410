#include "host/runtime/nn/normalization.h"

#include <ATen/Parallel.h>

#include "host/runtime/nn/group_norm_kernel.h"
#include "host/runtime/nn/pointwise.h"
#include "host/runtime/nn/wants_gradient.h"

namespace patchbay {

GroupNorm::GroupNorm(const ModuleScope& scope, int64_t channels, int64_t groups, double epsilon)
    : groups_(groups),
      epsilon_(epsilon),
      weight_(scope.Read("weight", {channels})),
      bias_(scope.Read("bias", {channels})),
      float_weight_(weight_.to(at::kFloat).contiguous()),
      float_bias_(bias_.to(at::kFloat).contiguous()) {}

at::Tensor GroupNorm::Apply(const at::Tensor& x, const at::Tensor& shift, bool silu) const {
  const bool differentiated_shift = shift.defined() && WantsGradient(shift);
  const PointwiseKernel* kernel = FindPointwiseKernel(x);
  if (kernel == nullptr || differentiated_shift || x.dim() != 4 || x.size(1) != weight_.size(0) ||
      x.size(1) % groups_ != 0 || !x.is_contiguous(at::MemoryFormat::ChannelsLast)) {
    const at::Tensor input = shift.defined() ? x + shift.unsqueeze(-1).unsqueeze(-1) : x;
    const at::Tensor y = at::group_norm(input, groups_, weight_, bias_, epsilon_);
    return silu ? at::silu(y) : y;
  }
  GroupNormParameters parameters;
  parameters.groups = groups_;
  parameters.epsilon = epsilon_;
  parameters.weight = float_weight_.const_data_ptr<float>();
  parameters.bias = float_bias_.const_data_ptr<float>();
  parameters.silu = silu;
  at::Tensor float_shift;
  if (shift.defined()) {
    float_shift = shift.to(at::kFloat).expand({x.size(0), x.size(1)}).contiguous();
    parameters.shift = float_shift.const_data_ptr<float>();
  }
  return NormalizeGroups(*kernel, x, parameters);
}

at::Tensor GroupNorm::Forward(const at::Tensor& x) const { return Apply(x, {}, false); }

at::Tensor GroupNorm::ForwardSilu(const at::Tensor& x) const { return Apply(x, {}, true); }

at::Tensor GroupNorm::ForwardShiftedSilu(const at::Tensor& x, const at::Tensor& shift) const {
  return Apply(x, shift, true);
}

LayerNorm::LayerNorm(const ModuleScope& scope, int64_t width, double epsilon)
    : epsilon_(epsilon),
      weight_(scope.Read("weight", {width})),
      bias_(scope.Read("bias", {width})),
      float_weight_(weight_.to(at::kFloat).contiguous()),
      float_bias_(bias_.to(at::kFloat).contiguous()) {}

at::Tensor LayerNorm::Forward(const at::Tensor& x) const {
  const int64_t columns = weight_.size(0);
  const PointwiseKernel* kernel = FindPointwiseKernel(x);
  if (kernel == nullptr || x.size(-1) != columns) {
    return at::layer_norm(x, {columns}, weight_, bias_, epsilon_);
  }
  const at::Tensor input = x.contiguous();
  const at::Tensor out = at::empty(input.sizes(), input.options());
  at::parallel_for(0, input.numel() / columns, RowGrain(columns), [&](int64_t first, int64_t last) {
    kernel->layer_norm(RowStart(input, first, columns), last - first, columns,
                       float_weight_.const_data_ptr<float>(), float_bias_.const_data_ptr<float>(),
                       static_cast<float>(epsilon_), MutableRowStart(out, first, columns));
  });
  return out;
}

}  // namespace patchbay
