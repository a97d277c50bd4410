#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_HADAMARD_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_HADAMARD_H_

#include "kernel.h"

namespace quantizer {
namespace {

// values: [kRotation], in place. Each file that includes this compiles it for its own processor,
// hence the unnamed namespace.
inline void RotateInPlace(float* values) {
  static_assert(kRotation == 64);
  for (int64_t stride = 1; stride < kRotation; stride *= 4) {
    for (int64_t begin = 0; begin < kRotation; begin += 4 * stride) {
      for (int64_t i = begin; i < begin + stride; ++i) {
        float* const v = values + i;
        const float a = v[0];
        const float b = v[stride];
        const float c = v[2 * stride];
        const float d = v[3 * stride];
        const float half = 0.5f * ((a + b) + (c + d));
        v[0] = half - d;
        v[stride] = half - c;
        v[2 * stride] = half - b;
        v[3 * stride] = half - a;
      }
    }
  }
}

}  // namespace
}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_HADAMARD_H_
