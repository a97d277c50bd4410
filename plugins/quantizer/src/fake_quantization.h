#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_FAKE_QUANTIZATION_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_FAKE_QUANTIZATION_H_

#include <ATen/ATen.h>

// Quantisation as MixDQ's published code defines it, in floating point: what sensitivities are
// measured with, since it serves any number of bits. Rounds half to even.

namespace quantizer {

struct QuantizedNumbers {
  at::Tensor integers;  // whole numbers in fp32, in the shape that was given
  at::Tensor step;      // broadcasts with it
  at::Tensor zero;      // likewise; whole numbers
  at::Tensor Numbers() const { return (integers - zero) * step; }
};

// Symmetric, one step for each slice along dimension 0: n = 2^(bits - 1) - 1, step = max|w| / n,
// clamp(round(w / step), -n - 1, n). A slice of zeros has step 1. bits: 2..16.
QuantizedNumbers QuantizeSymmetric(const at::Tensor& weight, int bits);

// Asymmetric, one step for all: with the range widened to include zero, step = (high - low) /
// (2^bits
// - 1), zero = round(-low / step), clamp(round(x / step) + zero, 0, 2^bits - 1). bits: 2..16.
QuantizedNumbers QuantizeAsymmetric(const at::Tensor& x, int bits);

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_FAKE_QUANTIZATION_H_
