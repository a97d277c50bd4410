#include "host/runtime/kernels/attention_kernel.h"

#include "host/runtime/kernels/attention_variants.h"

namespace patchbay {
namespace {

// The kernels' row blocks; models have 32, 40, 64, 80, 128, 160 and 512.
bool IsSupportedWidth(int64_t width) { return width > 0 && width % 8 == 0; }

}  // namespace

const AttentionKernel* FindAttentionKernelFloat([[maybe_unused]] const CpuFeatures& features,
                                                [[maybe_unused]] int64_t width) {
#if defined(PATCHBAY_X86_KERNELS)
  if (features.avx512 && IsSupportedWidth(width)) return &kAttentionAvx512Float;
#endif
  return nullptr;
}

const AttentionKernel* FindAttentionKernelBFloat16([[maybe_unused]] const CpuFeatures& features,
                                                   [[maybe_unused]] int64_t width) {
#if defined(PATCHBAY_X86_KERNELS)
  // LibTorch's kernel multiplies with AMX where there is AMX, and that is faster than this one.
  if (features.avx512_bf16 && !features.amx_bf16 && IsSupportedWidth(width)) {
    return &kAttentionAvx512BFloat16;
  }
#endif
  return nullptr;
}

}  // namespace patchbay
