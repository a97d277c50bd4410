#include "host/runtime/kernels/attention_driver_avx512.h"
#include "host/runtime/kernels/attention_variants.h"

namespace patchbay {
namespace {

// A unit is two bf16, their products are summed in fp32.
struct BFloat16Arithmetic {
  using Element = BFloat16Bits;
  static constexpr int kPerUnit = 2;
  static constexpr int kExpDegree = 3;

  static __m512 MultiplyAdd(__m512 sum, __m512i a, __m512i b) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
  }

  // The first row's values become the lower halves, the second's the upper ones.
  static __m512i ToUnits(const __m512 (&p)[2]) {
    const __m512i halves = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(p[1], p[0]));
    alignas(64) static constexpr uint16_t kInterleave[32] = {
        0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
        8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    return _mm512_permutexvar_epi16(_mm512_load_si512(kInterleave), halves);
  }

  static void PackValues(const Element* values, int64_t stride, int64_t keys, int64_t padded,
                         int64_t width, uint32_t* packed) {
    for (int64_t key = 0; key < padded; key += 2) {
      for (int64_t column = 0; column < width; column += 16) {
        const __mmask16 mask = FirstLanes(width - column);
        const auto load = [&](int64_t row) {
          if (row >= keys) return _mm512_setzero_si512();
          return _mm512_cvtepu16_epi32(
              _mm256_maskz_loadu_epi16(mask, values + row * stride + column));
        };
        _mm512_mask_storeu_epi32(packed + key / 2 * width + column, mask,
                                 _mm512_or_si512(load(key), _mm512_slli_epi32(load(key + 1), 16)));
      }
    }
  }

  static void Store(Element* out, __mmask16 mask, __m512 value) {
    _mm256_mask_storeu_epi16(out, mask, NarrowToBFloat16(value));
  }
};

}  // namespace

const AttentionKernel kAttentionAvx512BFloat16 = MakeKernel<BFloat16Arithmetic>();

}  // namespace patchbay
