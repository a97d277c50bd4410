// The attention kernel's blocks for AVX-512, for fp32 and bf16 alike: both see their operands as
// units of 32 bits, one fp32 or two neighbouring bf16, and differ in how two units are multiplied.
//
// Vector lanes are queries throughout. The scores' block is S^T [keys, queries], so that maximum,
// sum and exponential work lane by lane without horizontal operations, and the probabilities leave
// the exponential in the very layout in which the product with the values wants them.

#ifndef PATCHBAY_HOST_RUNTIME_KERNELS_ATTENTION_TILE_AVX512_H_
#define PATCHBAY_HOST_RUNTIME_KERNELS_ATTENTION_TILE_AVX512_H_

#include <cstring>

#include "host/runtime/kernels/attention_kernel.h"
#include "host/runtime/kernels/avx512.h"

// Each block gets the whole register file: inlined into one function, their constants would push
// the sums out of the registers.
#define PATCHBAY_NOINLINE __attribute__((noinline))

namespace patchbay {
namespace {

// Two vectors of queries share each broadcast key or value; eight rows of them keep 16 sums in
// registers, which is enough to hide the multiplication's latency.
constexpr int64_t kLanes = 16;
constexpr int kVectors = 2;
constexpr int64_t kQueries = kVectors * kLanes;
constexpr int kRows = 8;
// Keys per block: scores, keys, values and sums of a block together stay in a 32 KiB cache.
constexpr int64_t kBlockKeys = 64;
// Stands for "minus infinity" where its difference to itself must be 0.
constexpr float kLowest = -1e30f;
// The running maximum may lag behind by this power of two before the sums are rescaled.
constexpr float kLagOfMaximum = 8.0f;

inline __m512i BroadcastUnit(const uint32_t* unit) {
  return _mm512_set1_epi32(static_cast<int>(*unit));
}

// sums[row][vector] += left[row * row_stride + step * step_stride] * right[step][vector]
template <typename Arithmetic>
inline __attribute__((always_inline)) void MultiplyRows(const uint32_t* left, int64_t row_stride,
                                                        int64_t step_stride, const uint32_t* right,
                                                        int64_t steps,
                                                        __m512 (&sums)[kRows][kVectors]) {
  for (int64_t step = 0; step < steps; ++step) {
    const __m512i r0 = _mm512_load_si512(right + step * kQueries);
    const __m512i r1 = _mm512_load_si512(right + step * kQueries + kLanes);
#pragma GCC unroll 8
    for (int row = 0; row < kRows; ++row) {
      const __m512i l = BroadcastUnit(left + row * row_stride + step * step_stride);
      sums[row][0] = Arithmetic::MultiplyAdd(sums[row][0], l, r0);
      sums[row][1] = Arithmetic::MultiplyAdd(sums[row][1], l, r1);
    }
  }
}

// What a tile of 32 queries carries from block to block. All arrays are aligned to 64 bytes.
struct Tile {
  uint32_t* queries;             // [units of width][32]
  float* sums;                   // [width][32]
  float* scores;                 // [kBlockKeys][32]; the probabilities replace them
  __m512 maximum[kVectors];      // of the scores so far, or a little less
  __m512 denominator[kVectors];  // sum of exponentials
};

// scores = keys * queries for `rows` keys, a multiple of 8; returns the largest per lane.
template <typename Arithmetic>
PATCHBAY_NOINLINE void ComputeScores(const uint32_t* keys, int64_t rows, int64_t units,
                                     const Tile& tile, __m512 (&largest)[kVectors]) {
  for (int64_t first = 0; first < rows; first += kRows) {
    __m512 sums[kRows][kVectors];
#pragma GCC unroll 8
    for (int row = 0; row < kRows; ++row) sums[row][0] = sums[row][1] = _mm512_setzero_ps();
    MultiplyRows<Arithmetic>(keys + first * units, units, 1, tile.queries, units, sums);
    float* out = tile.scores + first * kQueries;
#pragma GCC unroll 8
    for (int row = 0; row < kRows; ++row) {
      for (int vector = 0; vector < kVectors; ++vector) {
        largest[vector] = _mm512_max_ps(largest[vector], sums[row][vector]);
        _mm512_store_ps(out + row * kQueries + vector * kLanes, sums[row][vector]);
      }
    }
  }
}

// Hides the keys from `visible` on, and with `causal` those after each query; recomputes `largest`.
// Positions count from the block's first key.
PATCHBAY_NOINLINE inline void MaskScores(int64_t rows, int64_t visible, bool causal,
                                         int64_t first_query, const Tile& tile,
                                         __m512 (&largest)[kVectors]) {
  const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  for (int vector = 0; vector < kVectors; ++vector) {
    const __m512i query =
        _mm512_add_epi32(lane, _mm512_set1_epi32(static_cast<int>(first_query + vector * kLanes)));
    largest[vector] = _mm512_set1_ps(kLowest);
    for (int64_t row = 0; row < rows; ++row) {
      float* score = tile.scores + row * kQueries + vector * kLanes;
      __mmask16 hidden = row >= visible ? 0xffff : 0;
      if (causal) {
        hidden |= _mm512_cmplt_epi32_mask(query, _mm512_set1_epi32(static_cast<int>(row)));
      }
      const __m512 masked =
          _mm512_mask_mov_ps(_mm512_load_ps(score), hidden, _mm512_set1_ps(kLowest));
      _mm512_store_ps(score, masked);
      largest[vector] = _mm512_max_ps(largest[vector], masked);
    }
  }
}

// Moves the running maximum if a score has grown far beyond it. Returns whether the tile's sums
// must be multiplied by `factor`. scale: times log2(e).
template <typename Arithmetic>
PATCHBAY_NOINLINE bool UpdateMaximum(const __m512 (&largest)[kVectors], __m512 scale, Tile& tile,
                                     __m512 (&factor)[kVectors]) {
  bool moved = false;
  for (int vector = 0; vector < kVectors; ++vector) {
    const __m512 growth =
        _mm512_mul_ps(_mm512_sub_ps(largest[vector], tile.maximum[vector]), scale);
    moved |= _mm512_cmp_ps_mask(growth, _mm512_set1_ps(kLagOfMaximum), _CMP_GT_OQ) != 0;
  }
  if (!moved) return false;
  for (int vector = 0; vector < kVectors; ++vector) {
    const __m512 maximum = _mm512_max_ps(tile.maximum[vector], largest[vector]);
    factor[vector] = Exp2<Arithmetic::kExpDegree>(
        _mm512_mul_ps(_mm512_sub_ps(tile.maximum[vector], maximum), scale));
    tile.maximum[vector] = maximum;
    tile.denominator[vector] = _mm512_mul_ps(tile.denominator[vector], factor[vector]);
  }
  return true;
}

// Replaces scores by probabilities, up to the denominator, and adds them to it.
template <typename Arithmetic>
PATCHBAY_NOINLINE void Exponentiate(int64_t rows, __m512 scale, Tile& tile) {
  for (int vector = 0; vector < kVectors; ++vector) {
    const __m512 maximum = tile.maximum[vector];
    __m512 denominator = tile.denominator[vector];
    const float* score = tile.scores + vector * kLanes;
    uint32_t* probability = reinterpret_cast<uint32_t*>(tile.scores) + vector * kLanes;
#pragma GCC unroll 2
    for (int64_t row = 0; row < rows; row += Arithmetic::kPerUnit) {
      __m512 p[Arithmetic::kPerUnit];
      for (int i = 0; i < Arithmetic::kPerUnit; ++i) {
        const __m512 s = _mm512_load_ps(score + (row + i) * kQueries);
        // The difference first: it is exact where it matters, near the maximum.
        const __m512 exponent = _mm512_mul_ps(_mm512_sub_ps(s, maximum), scale);
        p[i] = Exp2<Arithmetic::kExpDegree>(exponent);
        denominator = _mm512_add_ps(denominator, p[i]);
      }
      _mm512_store_si512(probability + row / Arithmetic::kPerUnit * kQueries,
                         Arithmetic::ToUnits(p));
    }
    tile.denominator[vector] = denominator;
  }
}

// sums = sums * factor + probabilities * values
template <typename Arithmetic>
PATCHBAY_NOINLINE void AccumulateValues(const uint32_t* values, int64_t rows, int64_t width,
                                        bool rescale, const __m512 (&factor)[kVectors],
                                        const Tile& tile) {
  const auto* probabilities = reinterpret_cast<const uint32_t*>(tile.scores);
  for (int64_t first = 0; first < width; first += kRows) {
    float* out = tile.sums + first * kQueries;
    __m512 sums[kRows][kVectors];
#pragma GCC unroll 8
    for (int row = 0; row < kRows; ++row) {
      sums[row][0] = _mm512_load_ps(out + row * kQueries);
      sums[row][1] = _mm512_load_ps(out + row * kQueries + kLanes);
    }
    if (rescale) {
#pragma GCC unroll 8
      for (int row = 0; row < kRows; ++row) {
        sums[row][0] = _mm512_mul_ps(sums[row][0], factor[0]);
        sums[row][1] = _mm512_mul_ps(sums[row][1], factor[1]);
      }
    }
    MultiplyRows<Arithmetic>(values + first, 1, width, probabilities, rows / Arithmetic::kPerUnit,
                             sums);
#pragma GCC unroll 8
    for (int row = 0; row < kRows; ++row) {
      _mm512_store_ps(out + row * kQueries, sums[row][0]);
      _mm512_store_ps(out + row * kQueries + kLanes, sums[row][1]);
    }
  }
}

// Rows of units, one query each, become columns; missing queries become zeros.
PATCHBAY_NOINLINE inline void PackQueries(const uint32_t* data, int64_t stride_bytes, int64_t count,
                                          int64_t units, uint32_t* packed) {
  const auto* bytes = reinterpret_cast<const char*>(data);
  for (int64_t query = 0; query < kQueries; query += kLanes) {
    for (int64_t unit = 0; unit < units; unit += kLanes) {
      const __mmask16 mask = FirstLanes(units - unit);
      __m512i rows[kLanes];
      for (int64_t i = 0; i < kLanes; ++i) {
        rows[i] = query + i < count ? _mm512_maskz_loadu_epi32(
                                          mask, bytes + (query + i) * stride_bytes + unit * 4)
                                    : _mm512_setzero_si512();
      }
      Transpose16x16(rows);
      for (int64_t i = 0; i < kLanes && unit + i < units; ++i) {
        _mm512_store_si512(packed + (unit + i) * kQueries + query, rows[i]);
      }
    }
  }
}

// out[query] = sums^T / denominator
template <typename Arithmetic>
PATCHBAY_NOINLINE void StoreOutput(const Tile& tile, int64_t width, int64_t count,
                                   typename Arithmetic::Element* out, int64_t stride) {
  for (int vector = 0; vector < kVectors; ++vector) {
    const __m512 factor = _mm512_div_ps(_mm512_set1_ps(1.0f), tile.denominator[vector]);
    for (int64_t column = 0; column < width; column += kLanes) {
      __m512i rows[kLanes];
      for (int64_t i = 0; i < kLanes; ++i) {
        rows[i] = column + i < width
                      ? _mm512_castps_si512(_mm512_mul_ps(
                            _mm512_load_ps(tile.sums + (column + i) * kQueries + vector * kLanes),
                            factor))
                      : _mm512_setzero_si512();
      }
      Transpose16x16(rows);
      for (int64_t i = 0; i < kLanes && vector * kLanes + i < count; ++i) {
        Arithmetic::Store(out + (vector * kLanes + i) * stride + column, FirstLanes(width - column),
                          _mm512_castsi512_ps(rows[i]));
      }
    }
  }
}

}  // namespace
}  // namespace patchbay

#undef PATCHBAY_NOINLINE

#endif  // PATCHBAY_HOST_RUNTIME_KERNELS_ATTENTION_TILE_AVX512_H_
