#ifndef PATCHBAY_HOST_RUNTIME_NN_GROUP_NORM_KERNEL_H_
#define PATCHBAY_HOST_RUNTIME_NN_GROUP_NORM_KERNEL_H_

#include <ATen/ATen.h>

#include "host/runtime/kernels/pointwise_kernel.h"

namespace patchbay {

struct GroupNormParameters {
  int64_t groups = 1;
  double epsilon = 0;
  const float* weight = nullptr;  // [C]
  const float* bias = nullptr;    // [C]
  const float* shift = nullptr;   // [B, C], added to the input at every position; or nullptr
  bool silu = false;
};

// Group normalization in two passes over memory. x: [B, C, H, W] in channels-last order; returns
// the same.
at::Tensor NormalizeGroups(const PointwiseKernel& kernel, const at::Tensor& x,
                           const GroupNormParameters& parameters);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_NN_GROUP_NORM_KERNEL_H_
