#ifndef PATCHBAY_HOST_RUNTIME_CHECKPOINT_INTEGER_WEIGHT_H_
#define PATCHBAY_HOST_RUNTIME_CHECKPOINT_INTEGER_WEIGHT_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace patchbay {

// A weight of a linear layer or convolution as integers, as the quantizer computes with it: the
// number at output o, kernel position t and input i is
//
//   steps[o] * multiples[o, t, i / 64] * integers[o, t, i]
//
// with multiples of 8-bit weights 1. Views of a mapped file; never write to them.
struct IntegerWeight {
  // Inputs that share a multiple, and that are rotated together.
  static constexpr int64_t kGroup = 64;
  static constexpr uint8_t kLargestMultiple = 18;

  // Inputs that have steps and integers of their own, one part after the other; a part's numbering
  // begins at 0.
  struct Part {
    int64_t inputs = 0;
    // 8 bits: int8 [outputs, positions, inputs], -127..127. 4 bits: uint8 [outputs, positions,
    // ceil(inputs / 2)], the first of two in the lower half of a byte; 1..15 stand for -7..7.
    at::Tensor integers;
    at::Tensor steps;      // fp32 [outputs]
    at::Tensor multiples;  // 4 bits: uint8 [outputs, positions, ceil(inputs / 64)], 1..18
  };

  // Of the weight: [outputs, inputs] or [outputs, inputs, kernel, kernel].
  std::vector<int64_t> shape;
  int bits = 8;  // 8 or 4
  // Each 64 inputs are multiplied by the regular Hadamard matrix of order 64 over 8 (h x h x h,
  // h = 1/2 [1 1 1 -1; 1 1 -1 1; 1 -1 1 1; -1 1 1 1]), its own inverse. Parts whose inputs are no
  // multiple of 64 are not.
  bool rotated = false;
  std::vector<Part> parts;

  int64_t outputs() const { return shape[0]; }
  int64_t positions() const { return shape.size() == 4 ? shape[2] * shape[3] : 1; }

  // What they stand for, in new memory: fp32, of `shape`.
  at::Tensor Values() const;
  int64_t ByteCount() const;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_CHECKPOINT_INTEGER_WEIGHT_H_
