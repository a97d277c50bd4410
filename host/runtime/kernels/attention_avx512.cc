#include "host/runtime/kernels/attention_driver_avx512.h"
#include "host/runtime/kernels/attention_variants.h"

namespace patchbay {
namespace {

struct FloatArithmetic {
  using Element = float;
  static constexpr int kPerUnit = 1;
  static constexpr int kExpDegree = 6;

  static __m512 MultiplyAdd(__m512 sum, __m512i a, __m512i b) {
    return _mm512_fmadd_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), sum);
  }

  static __m512i ToUnits(const __m512 (&p)[1]) { return _mm512_castps_si512(p[0]); }

  static void PackValues(const Element* values, int64_t stride, int64_t keys, int64_t padded,
                         int64_t width, uint32_t* packed) {
    const size_t row_bytes = static_cast<size_t>(width) * sizeof(Element);
    for (int64_t key = 0; key < keys; ++key) {
      std::memcpy(packed + key * width, values + key * stride, row_bytes);
    }
    std::memset(packed + keys * width, 0, static_cast<size_t>(padded - keys) * row_bytes);
  }

  static void Store(Element* out, __mmask16 mask, __m512 value) {
    _mm512_mask_storeu_ps(out, mask, value);
  }
};

}  // namespace

const AttentionKernel kAttentionAvx512Float = MakeKernel<FloatArithmetic>();

}  // namespace patchbay
