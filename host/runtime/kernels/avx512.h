// Vector functions shared by the AVX-512 kernels. Only for .cc files that are compiled for AVX-512:
// everything has internal linkage, so that the linker can never hand a function compiled for one
// instruction set to code that runs on a processor without it.

#ifndef PATCHBAY_HOST_RUNTIME_KERNELS_AVX512_H_
#define PATCHBAY_HOST_RUNTIME_KERNELS_AVX512_H_

#include <immintrin.h>

#include <cstdint>

namespace patchbay {
namespace {

using BFloat16Bits = uint16_t;

// The first `count` lanes; none for a negative count.
inline __mmask16 FirstLanes(int64_t count) {
  if (count >= 16) return static_cast<__mmask16>(0xffff);
  return count <= 0 ? static_cast<__mmask16>(0)
                    : static_cast<__mmask16>((1u << static_cast<unsigned>(count)) - 1u);
}

// 2^x, the polynomial being the minimax approximation of 2^r on [-1/2, 1/2] in the relative sense.
// Degree 3: relative error below 8e-5, a twentieth of a bf16 rounding step. Degree 6: 2e-9 before
// rounding, hence about one fp32 rounding step. Results below the normal range underflow to 0; NaN
// stays NaN.
template <int kDegree>
inline __m512 Exp2(__m512 x) {
  static_assert(kDegree == 3 || kDegree == 6);
  const __m512 n = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m512 r = _mm512_sub_ps(x, n);
  __m512 p;
  if constexpr (kDegree == 3) {
    p = _mm512_set1_ps(0x1.c3f760p-5f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0x1.f0de1ap-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0x1.62f31ap-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0x1.fff692p-1f));
  } else {
    p = _mm512_set1_ps(0x1.41d334p-13f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0x1.5f456ap-10f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0x1.3b2dbcp-7f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0x1.c6aed4p-5f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0x1.ebfbdap-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0x1.62e430p-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
  }
  return _mm512_scalef_ps(p, n);
}

// Transposes 16 x 16 elements of 32 bits in place.
inline void Transpose16x16(__m512i rows[16]) {
  __m512i t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    rows[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    rows[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    rows[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    rows[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_i32x4(rows[i], rows[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(rows[i], rows[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_i32x4(rows[i + 8], rows[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(rows[i + 8], rows[i + 12], 0xdd);
  }
  for (int i = 0; i < 8; ++i) {
    rows[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    rows[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
  }
}

// bf16 is the upper half of fp32.
inline __m512 WidenBFloat16(__m256i x) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
}

// To the nearest bf16, ties to even; NaN becomes a quiet NaN.
inline __m256i NarrowToBFloat16(__m512 x) {
#if defined(__AVX512BF16__)
  return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x));
#else
  const __m512i bits = _mm512_castps_si512(x);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  const __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
  return _mm512_cvtepi32_epi16(
      _mm512_srli_epi32(_mm512_mask_mov_epi32(rounded, nan, _mm512_set1_epi32(0x7fc00000)), 16));
#endif
}

}  // namespace
}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_KERNELS_AVX512_H_
