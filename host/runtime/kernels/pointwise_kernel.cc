#include "host/runtime/kernels/pointwise_kernel.h"

#include "host/runtime/kernels/pointwise_variants.h"

namespace patchbay {

const PointwiseKernel* FindPointwiseKernelFloat([[maybe_unused]] const CpuFeatures& features) {
#if defined(PATCHBAY_X86_KERNELS)
  if (features.avx512) return &kPointwiseAvx512Float;
#endif
  return nullptr;
}

const PointwiseKernel* FindPointwiseKernelBFloat16([[maybe_unused]] const CpuFeatures& features) {
#if defined(PATCHBAY_X86_KERNELS)
  if (features.avx512) return &kPointwiseAvx512BFloat16;
#endif
  return nullptr;
}

}  // namespace patchbay
