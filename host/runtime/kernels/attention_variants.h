#ifndef PATCHBAY_HOST_RUNTIME_KERNELS_ATTENTION_VARIANTS_H_
#define PATCHBAY_HOST_RUNTIME_KERNELS_ATTENTION_VARIANTS_H_

#include "host/runtime/kernels/attention_kernel.h"

namespace patchbay {

// One per instruction set and element type, each in a file compiled for it;
// FindAttentionKernelFloat() and FindAttentionKernelBFloat16() choose.
extern const AttentionKernel kAttentionAvx512Float;
extern const AttentionKernel kAttentionAvx512BFloat16;

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_KERNELS_ATTENTION_VARIANTS_H_
