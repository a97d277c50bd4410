#ifndef PATCHBAY_HOST_RUNTIME_NN_NORMALIZATION_H_
#define PATCHBAY_HOST_RUNTIME_NN_NORMALIZATION_H_

#include <ATen/ATen.h>

#include "host/runtime/nn/module_scope.h"

namespace patchbay {

// Normalises each group of channels of [B, C, H, W] over channels and positions (arXiv:1803.08494).
// Statistics are fp32 or better whatever the precision. Input and output in channels-last order on
// a CPU; another order is accepted and kept, at LibTorch's speed. Immutable; any thread may call.
class GroupNorm {
 public:
  // Reads "weight" and "bias" [channels].
  GroupNorm(const ModuleScope& scope, int64_t channels, int64_t groups, double epsilon);

  at::Tensor Forward(const at::Tensor& x) const;
  // SiLU(Forward(x)): what every resnet does next.
  at::Tensor ForwardSilu(const at::Tensor& x) const;
  // SiLU(Forward(x + shift)), shift [B, C] being the same at every position: a resnet's time
  // embedding.
  at::Tensor ForwardShiftedSilu(const at::Tensor& x, const at::Tensor& shift) const;

 private:
  // shift: undefined for none.
  at::Tensor Apply(const at::Tensor& x, const at::Tensor& shift, bool silu) const;

  int64_t groups_;
  double epsilon_;
  at::Tensor weight_;
  at::Tensor bias_;
  // The same in fp32, for our kernels.
  at::Tensor float_weight_;
  at::Tensor float_bias_;
};

// Normalises over the last dimension (arXiv:1607.06450). Immutable; any thread may call.
class LayerNorm {
 public:
  // Reads "weight" and "bias" [width].
  LayerNorm(const ModuleScope& scope, int64_t width, double epsilon);

  at::Tensor Forward(const at::Tensor& x) const;

 private:
  double epsilon_;
  at::Tensor weight_;
  at::Tensor bias_;
  // The same in fp32, for our kernels.
  at::Tensor float_weight_;
  at::Tensor float_bias_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_NN_NORMALIZATION_H_
