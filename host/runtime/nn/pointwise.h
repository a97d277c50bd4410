#ifndef PATCHBAY_HOST_RUNTIME_NN_POINTWISE_H_
#define PATCHBAY_HOST_RUNTIME_NN_POINTWISE_H_

#include <ATen/ATen.h>

#include "host/runtime/kernels/pointwise_kernel.h"
#include "host/runtime/nn/wants_gradient.h"

namespace patchbay {

// The kernel of ours that serves this input, or nullptr: another device or precision, a gradient.
inline const PointwiseKernel* FindPointwiseKernel(const at::Tensor& x) {
  if (!x.device().is_cpu() || x.numel() == 0) return nullptr;
  if (WantsGradient(x)) return nullptr;
  const CpuFeatures& features = CpuFeatures::Current();
  if (x.scalar_type() == at::kFloat) return FindPointwiseKernelFloat(features);
  if (x.scalar_type() == at::kBFloat16) return FindPointwiseKernelBFloat16(features);
  return nullptr;
}

// The bytes of the row that is `row` rows of `columns` elements from the start.
inline const char* RowStart(const at::Tensor& x, int64_t row, int64_t columns) {
  return static_cast<const char*>(x.const_data_ptr()) + row * columns * x.element_size();
}
inline char* MutableRowStart(const at::Tensor& x, int64_t row, int64_t columns) {
  return static_cast<char*>(x.mutable_data_ptr()) + row * columns * x.element_size();
}

// Rows for one thread at the least: below, starting threads costs more than it gains.
inline int64_t RowGrain(int64_t columns) {
  constexpr int64_t kElements = 16384;
  return kElements / columns + 1;
}

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_NN_POINTWISE_H_
