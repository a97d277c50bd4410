#ifndef PATCHBAY_HOST_RUNTIME_KERNELS_CPU_FEATURES_H_
#define PATCHBAY_HOST_RUNTIME_KERNELS_CPU_FEATURES_H_

namespace patchbay {

// What the processor (and the operating system's register state) offers to our kernels.
struct CpuFeatures {
  bool avx512 = false;       // AVX-512 F, BW, DQ, VL and FMA
  bool avx512_bf16 = false;  // and the bf16 dot product
  bool amx_bf16 = false;     // tile registers: LibTorch's own products are faster there

  // Of this machine; asked once.
  static const CpuFeatures& Current();
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_KERNELS_CPU_FEATURES_H_
