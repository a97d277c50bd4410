#ifndef PATCHBAY_HOST_RUNTIME_KERNELS_POINTWISE_KERNEL_H_
#define PATCHBAY_HOST_RUNTIME_KERNELS_POINTWISE_KERNEL_H_

#include <cstdint>

#include "host/runtime/kernels/cpu_features.h"

namespace patchbay {

// What stands between the products of a denoiser, each in as few passes over memory as it takes.
// Rows are contiguous; arithmetic is fp32 whatever the element type. Any thread may call any
// function on rows of its own.
struct PointwiseKernel {
  // Mean and sum of squared deviations of each column of x [rows, columns]. To be called on a few
  // hundred rows at a time and combined in double precision: the sums run in fp32, around the
  // first row's values.
  void (*column_moments)(const void* x, int64_t rows, int64_t columns, float* mean,
                         float* squared_deviations) = nullptr;
  // out = x * scale + offset [rows, columns], both [columns]; with `silu` z / (1 + e^-z) of that.
  void (*scale_columns)(const void* x, int64_t rows, int64_t columns, const float* scale,
                        const float* offset, bool silu, void* out) = nullptr;
  // Each row of x [rows, columns] normalised, times weight plus bias, both [columns].
  void (*layer_norm)(const void* x, int64_t rows, int64_t columns, const float* weight,
                     const float* bias, float epsilon, void* out) = nullptr;
  // x [rows, 2 * columns] to the left half times GELU of the right half [rows, columns]. The exact
  // GELU, by an approximation of erfc whose error is below 1.5e-7 (Abramowitz and Stegun, 7.1.26).
  void (*gated_gelu)(const void* x, int64_t rows, int64_t columns, void* out) = nullptr;
};

// The kernel for this processor, or nullptr when it has none.
const PointwiseKernel* FindPointwiseKernelFloat(const CpuFeatures& features);
const PointwiseKernel* FindPointwiseKernelBFloat16(const CpuFeatures& features);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_KERNELS_POINTWISE_KERNEL_H_
