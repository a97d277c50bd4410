#include "host/runtime/kernels/avx512.h"
#include "host/runtime/kernels/pointwise_variants.h"

namespace patchbay {
namespace {

constexpr float kLog2E = 0x1.715476p0f;
constexpr int64_t kLanes = 16;

// How elements are read and written; the mask covers the end of a row.
struct FloatElements {
  using Element = float;
  static __m512 Load(const Element* x, __mmask16 mask) { return _mm512_maskz_loadu_ps(mask, x); }
  static void Store(Element* out, __mmask16 mask, __m512 value) {
    _mm512_mask_storeu_ps(out, mask, value);
  }
};

struct BFloat16Elements {
  using Element = BFloat16Bits;
  static __m512 Load(const Element* x, __mmask16 mask) {
    return WidenBFloat16(_mm256_maskz_loadu_epi16(mask, x));
  }
  static void Store(Element* out, __mmask16 mask, __m512 value) {
    _mm256_mask_storeu_epi16(out, mask, NarrowToBFloat16(value));
  }
};

inline __m512 Silu(__m512 x) {
  const __m512 e = Exp2<6>(_mm512_mul_ps(x, _mm512_set1_ps(-kLog2E)));
  return _mm512_div_ps(x, _mm512_add_ps(_mm512_set1_ps(1.0f), e));
}

// x Phi(x) with Phi(x) = erfc(-x / sqrt(2)) / 2. For |x|, half of erfc(|x| / sqrt(2)) is
// t (a1 + t (a2 + ...)) e^(-x^2 / 2) / 2 with t = 1 / (1 + p |x| / sqrt(2)); working with erfc
// itself keeps the small values of negative x accurate.
inline __m512 Gelu(__m512 x) {
  // Bounded, since infinity times 0 is no number; beyond, the tail is 0 anyway. NaN passes as
  // second operand.
  const __m512 magnitude = _mm512_min_ps(_mm512_set1_ps(20.0f), _mm512_abs_ps(x));
  const __m512 t = _mm512_div_ps(
      _mm512_set1_ps(1.0f),
      _mm512_fmadd_ps(magnitude, _mm512_set1_ps(0.3275911f * 0.70710678f), _mm512_set1_ps(1.0f)));
  __m512 p = _mm512_set1_ps(0.5f * 1.061405429f);
  p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.5f * -1.453152027f));
  p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.5f * 1.421413741f));
  p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.5f * -0.284496736f));
  p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.5f * 0.254829592f));
  const __m512 square = _mm512_mul_ps(magnitude, magnitude);
  const __m512 e = Exp2<6>(_mm512_mul_ps(square, _mm512_set1_ps(-0.5f * kLog2E)));
  const __m512 tail = _mm512_mul_ps(magnitude, _mm512_mul_ps(_mm512_mul_ps(p, t), e));
  // x >= 0: x - tail; x < 0: -tail.
  return _mm512_sub_ps(_mm512_max_ps(_mm512_setzero_ps(), x), tail);
}

template <typename Elements>
void ColumnMoments(const void* data, int64_t rows, int64_t columns, float* mean,
                   float* squared_deviations) {
  // Vectors side by side: whole cache lines, and sums that do not wait for each other.
  constexpr int kVectors = 4;
  const auto* x = static_cast<const typename Elements::Element*>(data);
  const __m512 count = _mm512_set1_ps(static_cast<float>(rows));
  for (int64_t first = 0; first < columns; first += kVectors * kLanes) {
    __mmask16 mask[kVectors];
    __m512 center[kVectors];
    __m512 sum[kVectors];
    __m512 square[kVectors];
    for (int i = 0; i < kVectors; ++i) {
      mask[i] = FirstLanes(columns - first - i * kLanes);
      center[i] = Elements::Load(x + first + i * kLanes, mask[i]);
      sum[i] = square[i] = _mm512_setzero_ps();
    }
    for (int64_t row = 0; row < rows; ++row) {
#pragma GCC unroll 4
      for (int i = 0; i < kVectors; ++i) {
        const auto* at = x + row * columns + first + i * kLanes;
        const __m512 d = _mm512_sub_ps(Elements::Load(at, mask[i]), center[i]);
        sum[i] = _mm512_add_ps(sum[i], d);
        square[i] = _mm512_fmadd_ps(d, d, square[i]);
      }
    }
    for (int i = 0; i < kVectors; ++i) {
      const __m512 shift = _mm512_div_ps(sum[i], count);
      const __m512 deviations = _mm512_fnmadd_ps(sum[i], shift, square[i]);
      float* out = mean + first + i * kLanes;
      _mm512_mask_storeu_ps(out, mask[i], _mm512_add_ps(center[i], shift));
      // Rounding may leave a tiny negative number; NaN passes as second operand.
      _mm512_mask_storeu_ps(squared_deviations + first + i * kLanes, mask[i],
                            _mm512_max_ps(_mm512_setzero_ps(), deviations));
    }
  }
}

template <typename Elements, bool kSilu>
void ScaleColumnsOf(const typename Elements::Element* x, int64_t rows, int64_t columns,
                    const float* scale, const float* offset, typename Elements::Element* out) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = 0; column < columns; column += kLanes) {
      const __mmask16 mask = FirstLanes(columns - column);
      __m512 y = _mm512_fmadd_ps(Elements::Load(x + row * columns + column, mask),
                                 _mm512_maskz_loadu_ps(mask, scale + column),
                                 _mm512_maskz_loadu_ps(mask, offset + column));
      if constexpr (kSilu) y = Silu(y);
      Elements::Store(out + row * columns + column, mask, y);
    }
  }
}

template <typename Elements>
void ScaleColumns(const void* x, int64_t rows, int64_t columns, const float* scale,
                  const float* offset, bool silu, void* out) {
  using Element = typename Elements::Element;
  const auto* from = static_cast<const Element*>(x);
  auto* to = static_cast<Element*>(out);
  if (silu) {
    ScaleColumnsOf<Elements, true>(from, rows, columns, scale, offset, to);
  } else {
    ScaleColumnsOf<Elements, false>(from, rows, columns, scale, offset, to);
  }
}

template <typename Elements>
void LayerNorm(const void* data, int64_t rows, int64_t columns, const float* weight,
               const float* bias, float epsilon, void* result) {
  using Element = typename Elements::Element;
  const float reciprocal = 1.0f / static_cast<float>(columns);
  for (int64_t row = 0; row < rows; ++row) {
    // The row stays in the first-level cache for its three passes.
    const Element* x = static_cast<const Element*>(data) + row * columns;
    Element* out = static_cast<Element*>(result) + row * columns;
    __m512 sum = _mm512_setzero_ps();
    for (int64_t column = 0; column < columns; column += kLanes) {
      sum = _mm512_add_ps(sum, Elements::Load(x + column, FirstLanes(columns - column)));
    }
    const __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(sum) * reciprocal);
    __m512 square = _mm512_setzero_ps();
    for (int64_t column = 0; column < columns; column += kLanes) {
      const __mmask16 mask = FirstLanes(columns - column);
      const __m512 d = _mm512_maskz_sub_ps(mask, Elements::Load(x + column, mask), mean);
      square = _mm512_fmadd_ps(d, d, square);
    }
    const __m512 variance = _mm512_set1_ps(_mm512_reduce_add_ps(square) * reciprocal + epsilon);
    const __m512 factor = _mm512_div_ps(_mm512_set1_ps(1.0f), _mm512_sqrt_ps(variance));
    for (int64_t column = 0; column < columns; column += kLanes) {
      const __mmask16 mask = FirstLanes(columns - column);
      const __m512 y = _mm512_mul_ps(_mm512_sub_ps(Elements::Load(x + column, mask), mean), factor);
      Elements::Store(out + column, mask,
                      _mm512_fmadd_ps(y, _mm512_maskz_loadu_ps(mask, weight + column),
                                      _mm512_maskz_loadu_ps(mask, bias + column)));
    }
  }
}

template <typename Elements>
void GatedGelu(const void* data, int64_t rows, int64_t columns, void* result) {
  using Element = typename Elements::Element;
  for (int64_t row = 0; row < rows; ++row) {
    const Element* x = static_cast<const Element*>(data) + row * 2 * columns;
    Element* out = static_cast<Element*>(result) + row * columns;
    for (int64_t column = 0; column < columns; column += kLanes) {
      const __mmask16 mask = FirstLanes(columns - column);
      const __m512 gate = Gelu(Elements::Load(x + columns + column, mask));
      Elements::Store(out + column, mask, _mm512_mul_ps(Elements::Load(x + column, mask), gate));
    }
  }
}

template <typename Elements>
constexpr PointwiseKernel MakeKernel() {
  return {&ColumnMoments<Elements>, &ScaleColumns<Elements>, &LayerNorm<Elements>,
          &GatedGelu<Elements>};
}

}  // namespace

const PointwiseKernel kPointwiseAvx512Float = MakeKernel<FloatElements>();
const PointwiseKernel kPointwiseAvx512BFloat16 = MakeKernel<BFloat16Elements>();

}  // namespace patchbay
