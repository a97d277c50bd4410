#ifndef PATCHBAY_HOST_RUNTIME_KERNELS_POINTWISE_VARIANTS_H_
#define PATCHBAY_HOST_RUNTIME_KERNELS_POINTWISE_VARIANTS_H_

#include "host/runtime/kernels/pointwise_kernel.h"

namespace patchbay {

// One per instruction set, in a file compiled for it; FindPointwiseKernel... chooses.
extern const PointwiseKernel kPointwiseAvx512Float;
extern const PointwiseKernel kPointwiseAvx512BFloat16;

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_KERNELS_POINTWISE_VARIANTS_H_
