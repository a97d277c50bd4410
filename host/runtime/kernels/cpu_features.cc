#include "host/runtime/kernels/cpu_features.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace patchbay {
namespace {

CpuFeatures Detect() {
  CpuFeatures features;
#if defined(__x86_64__)
  __builtin_cpu_init();
  // These builtins also ask whether the operating system saves the registers.
  features.avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                    __builtin_cpu_supports("fma");
  features.avx512_bf16 = features.avx512 && __builtin_cpu_supports("avx512bf16");
  // CPUID leaf 7, EDX bit 22 (Intel Software Developer's Manual, volume 2A, CPUID).
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) features.amx_bf16 = (d >> 22 & 1) != 0;
#endif
  return features;
}

}  // namespace

const CpuFeatures& CpuFeatures::Current() {
  static const CpuFeatures features = Detect();
  return features;
}

}  // namespace patchbay
