#include <immintrin.h>

#include <algorithm>
#include <limits>

#include "hadamard.h"
#include "kernel.h"

namespace quantizer {
namespace {

constexpr int kColumns = kPanel / 16;  // registers of sums a row

template <int kRows>
using Sums = __m512i[kRows][kColumns];

// Registers: kRows x 4 of sums, four of weights, one of inputs.
template <int kRows>
void AddProducts(const Tile& tile, Sums<kRows>& sums) {
  const int8_t* at = tile.weights;
  for (int64_t tap = 0; tap < tile.tap_count; ++tap) {
    const uint8_t* rows[kRows];
    for (int row = 0; row < kRows; ++row) rows[row] = tile.rows[row] + tile.taps[tap];
    for (int64_t input = 0; input < tile.inputs; input += kGroup) {
      __m512i weights[kColumns];
      for (int column = 0; column < kColumns; ++column) {
        weights[column] = _mm512_load_si512(at + 64 * column);
        _mm_prefetch(reinterpret_cast<const char*>(at) + 2048 + 64 * column, _MM_HINT_T0);
      }
      at += kPanel * kGroup;
      for (int row = 0; row < kRows; ++row) {
        int32_t four;
        __builtin_memcpy(&four, rows[row] + input, sizeof(four));
        const __m512i inputs = _mm512_set1_epi32(four);
        for (int column = 0; column < kColumns; ++column) {
          sums[row][column] = _mm512_dpbusd_epi32(sums[row][column], inputs, weights[column]);
        }
      }
    }
  }
}

__mmask16 Mask(int64_t left) {
  return left >= 16 ? 0xffff : static_cast<__mmask16>((1u << left) - 1);
}

void Store(const Tile& tile, int64_t place, __mmask16 mask, __m512 value) {
  if (tile.element == Element::kFloat) {
    _mm512_mask_storeu_ps(static_cast<float*>(tile.output) + place, mask, value);
    return;
  }
  // To nearest, half to even. Sums of finite bytes are finite.
  const __m512i bits = _mm512_castps_si512(value);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  _mm256_mask_storeu_epi16(static_cast<uint16_t*>(tile.output) + place, mask,
                           _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16)));
}

template <int kRows>
void StoreOutputs(const Tile& tile, const Sums<kRows>& sums) {
  for (int column = 0; column < kColumns; ++column) {
    const int64_t left = tile.columns - 16 * column;
    if (left <= 0) break;
    const __mmask16 mask = Mask(left);
    const __m512i weight_sum = _mm512_loadu_si512(tile.weight_sum + 16 * column);
    const __m512 weight_step = _mm512_loadu_ps(tile.weight_step + 16 * column);
    const __m512 bias = _mm512_loadu_ps(tile.bias + 16 * column);
    for (int row = 0; row < kRows; ++row) {
      const ByteScale scale = tile.scale[row];
      const __m512i zeros = _mm512_mullo_epi32(_mm512_set1_epi32(scale.zero), weight_sum);
      const __m512 sum = _mm512_cvtepi32_ps(_mm512_sub_epi32(sums[row][column], zeros));
      const __m512 step = _mm512_mul_ps(_mm512_set1_ps(scale.step), weight_step);
      Store(tile, row * tile.output_stride + 16 * column, mask, _mm512_fmadd_ps(sum, step, bias));
    }
  }
}

template <int kRows>
void MultiplyRows(const Tile& tile) {
  Sums<kRows> sums;
  for (int row = 0; row < kRows; ++row) {
    for (int column = 0; column < kColumns; ++column) {
      sums[row][column] = tile.is_first
                              ? _mm512_setzero_si512()
                              : _mm512_loadu_si512(tile.sums + row * kPanel + 16 * column);
    }
  }
  AddProducts<kRows>(tile, sums);
  if (tile.is_last) {
    StoreOutputs<kRows>(tile, sums);
    return;
  }
  for (int row = 0; row < kRows; ++row) {
    for (int column = 0; column < kColumns; ++column) {
      _mm512_storeu_si512(tile.sums + row * kPanel + 16 * column, sums[row][column]);
    }
  }
}

void Multiply(const Tile& tile) {
  switch (tile.row_count) {
    case 1:
      return MultiplyRows<1>(tile);
    case 2:
      return MultiplyRows<2>(tile);
    case 3:
      return MultiplyRows<3>(tile);
    case 4:
      return MultiplyRows<4>(tile);
    case 5:
      return MultiplyRows<5>(tile);
    default:
      return MultiplyRows<6>(tile);
  }
}

__m512 Load(const void* values, Element element, int64_t index, __mmask16 mask) {
  if (element == Element::kFloat) {
    return _mm512_maskz_loadu_ps(mask, static_cast<const float*>(values) + index);
  }
  const __m256i half = _mm256_maskz_loadu_epi16(mask, static_cast<const uint16_t*>(values) + index);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

void Extend(const void* values, Element element, int64_t count, Range* range) {
  __m512 low = _mm512_set1_ps(range->low);
  __m512 high = _mm512_set1_ps(range->high);
  __mmask16 has_nan = 0;
  for (int64_t i = 0; i < count; i += 16) {
    const __m512 x = Load(values, element, i, Mask(count - i));
    has_nan |= _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    low = _mm512_min_ps(low, x);
    high = _mm512_max_ps(high, x);
  }
  const float nan = std::numeric_limits<float>::quiet_NaN();
  range->low = has_nan != 0 ? nan : _mm512_reduce_min_ps(low);
  range->high = has_nan != 0 ? nan : _mm512_reduce_max_ps(high);
}

bool Quantize(const void* values, Element element, int64_t count, ByteScale scale, uint8_t* bytes) {
  constexpr int kNotFinite = 0x01 | 0x08 | 0x10 | 0x80;  // quiet NaN, +inf, -inf, signalling NaN
  const __m512 inverse = _mm512_set1_ps(scale.step > 0 ? 1.0f / scale.step : 0.0f);
  const __m512i zero = _mm512_set1_epi32(scale.zero);
  __mmask16 strange = 0;
  for (int64_t i = 0; i < count; i += 16) {
    const __mmask16 mask = Mask(count - i);
    const __m512 x = Load(values, element, i, mask);
    strange |= _mm512_fpclass_ps_mask(x, kNotFinite);
    const __m512i level = _mm512_cvtps_epi32(_mm512_mul_ps(x, inverse));
    const __m512i positive =
        _mm512_max_epi32(_mm512_add_epi32(level, zero), _mm512_setzero_si512());
    _mm_mask_storeu_epi8(bytes + i, mask, _mm512_cvtusepi32_epi8(positive));
  }
  return strange == 0;
}

void Rotate(const void* values, Element element, int64_t count, float* rotated) {
  for (int64_t i = 0; i < count; i += 16) {
    _mm512_storeu_ps(rotated + i, Load(values, element, i, 0xffff));
  }
  for (int64_t i = 0; i < count; i += kRotation) RotateInPlace(rotated + i);
}

// The scales of 16 outputs, each in all four bytes or both halves of a 32-bit lane.
struct LaneScales {
  __m512i halves;
  __m512i eightfold_bytes;
};

LaneScales ScalesOf(const uint8_t* scales) {
  const __m512i lanes =
      _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(scales)));
  return {_mm512_mullo_epi32(lanes, _mm512_set1_epi32(0x00010001)),
          _mm512_mullo_epi32(lanes, _mm512_set1_epi32(0x08080808))};
}

// 64 integers 0..15, 16 outputs by kGroup inputs: (integer - 8) * scale. Only the products' low
// eight bits count, so that sums may wrap.
__m512i Scaled(__m512i integers, const LaneScales& scales) {
  const __m512i low_bytes = _mm512_set1_epi16(0xff);
  const __m512i even = _mm512_mullo_epi16(_mm512_and_si512(integers, low_bytes), scales.halves);
  const __m512i odd = _mm512_mullo_epi16(_mm512_srli_epi16(integers, 8), scales.halves);
  const __m512i products =
      _mm512_or_si512(_mm512_and_si512(even, low_bytes), _mm512_slli_epi16(odd, 8));
  return _mm512_sub_epi8(products, scales.eightfold_bytes);
}

void Unpack(const uint8_t* packed, const uint8_t* scales, int64_t groups, int8_t* weights) {
  const LaneScales lanes[kColumns] = {ScalesOf(scales), ScalesOf(scales + 16),
                                      ScalesOf(scales + 32), ScalesOf(scales + 48)};
  const __m512i low_half = _mm512_set1_epi8(15);
  for (int64_t group = 0; group < groups; ++group) {
    for (int half = 0; half < 2; ++half) {
      const __m512i both = _mm512_loadu_si512(packed + 64 * half);
      const __m512i low = _mm512_and_si512(both, low_half);
      const __m512i high = _mm512_and_si512(_mm512_srli_epi16(both, 4), low_half);
      _mm512_storeu_si512(weights + 64 * half, Scaled(low, lanes[half]));
      _mm512_storeu_si512(weights + 64 * (2 + half), Scaled(high, lanes[2 + half]));
    }
    packed += kPanel * kGroup / 2;
    weights += kPanel * kGroup;
  }
}

}  // namespace

const Kernel* VnniKernel() {
  static constexpr Kernel kKernel = {"AVX-512 VNNI", &Multiply, &Extend,
                                     &Quantize,      &Rotate,   &Unpack};
  static const bool can_run =
      __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
      __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
      __builtin_cpu_supports("avx512vnni") != 0;
  return can_run ? &kKernel : nullptr;
}

}  // namespace quantizer
