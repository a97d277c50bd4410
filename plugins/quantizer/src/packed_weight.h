#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_PACKED_WEIGHT_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_PACKED_WEIGHT_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "aligned_bytes.h"
#include "kernel.h"

namespace quantizer {

// A weight as integers in the order in which files have them; patchbay_integer_part says what they
// mean. Views of the file, or tensors of their own.
struct StoredWeight {
  int64_t inputs = 0;
  at::Tensor integers;
  at::Tensor steps;
  at::Tensor multiples;  // undefined for 8 bits
};

// The weights of a linear layer, or of a convolution with `taps` kernel positions, as integers in
// the order in which the product reads them. Immutable; any thread may read.
//
// 8 bits: one step for each output, its largest magnitude over 127; integers from -127 to 127.
// 4 bits: integers from -7 to 7, each kScaleGroup inputs of a tap times a whole number from 1 to
// 18, so that the product sees integers of 8 bits again, times one step for each output
// (progressive quantisation, arXiv:2405.04532). The whole numbers are those of least squared error.
class PackedWeight {
 public:
  struct Options {
    int bits = 8;  // 8 or 4
    bool rotate =
        false;  // the inputs are rotated; where they are no multiple of kRotation, none is
  };

  // weight: [outputs, inputs] or [outputs, inputs, k, k], any floating type; bias: [outputs] or
  // undefined. Throws c10::Error when a number is not finite or sums could exceed 32 bits.
  PackedWeight(const at::Tensor& weight, const at::Tensor& bias, const Options& options);
  // From integers that Stored() gave for the same options; shape: of the weight. Throws c10::Error
  // when sizes do not fit each other.
  PackedWeight(const StoredWeight& stored, std::vector<int64_t> shape, const at::Tensor& bias,
               const Options& options);

  int64_t outputs() const { return outputs_; }
  int64_t inputs() const { return inputs_; }
  int64_t padded_inputs() const { return padded_inputs_; }
  int64_t taps() const { return taps_; }
  int64_t panels() const { return (outputs_ + kPanel - 1) / kPanel; }
  bool rotated() const { return rotated_; }
  // All memory that it holds.
  size_t bytes() const;

  // Taps that fit into a processor's cache together with the rows they are multiplied with.
  int64_t taps_at_once() const;
  size_t scratch_bytes() const;
  // The integers of some taps of a panel, [tap_count][padded_inputs / kGroup][kPanel][kGroup].
  // scratch: scratch_bytes(), where they are unpacked if they are stored in 4 bits.
  const int8_t* Integers(int64_t panel, int64_t first_tap, int64_t tap_count,
                         int8_t* scratch) const;
  // Of the panel's first output, as Tile wants them.
  const float* Steps(int64_t panel) const { return step_.data() + panel * kPanel; }
  const int32_t* Sums(int64_t panel) const { return sum_.data() + panel * kPanel; }
  const float* Biases(int64_t panel) const { return bias_.data() + panel * kPanel; }

  // In new memory.
  StoredWeight Stored() const;

  // As numbers again, in the shape that they came in, fp32, not rotated.
  at::Tensor Dequantized() const;

 private:
  class Packer;

  PackedWeight(std::vector<int64_t> shape, const at::Tensor& bias, const Options& options);
  int64_t scale_groups() const { return (padded_inputs_ + kScaleGroup - 1) / kScaleGroup; }
  int64_t scale_groups_of_inputs() const { return (inputs_ + kScaleGroup - 1) / kScaleGroup; }
  int64_t tap_bytes() const { return padded_inputs_ * kPanel * bits_ / 8; }
  // Where an input's integer is: its byte's number, or with 4 bits its half byte's in the order of
  // the bytes, first the lower halves of a group.
  int64_t PlaceOf(int64_t output, int64_t tap, int64_t input) const;
  // 4 bits: 1..15.
  int NibbleAt(int64_t output, int64_t tap, int64_t input) const;
  void SetNibble(int64_t output, int64_t tap, int64_t input, int nibble);
  size_t ScaleIndex(int64_t output, int64_t tap, int64_t input) const;
  void UnpackRow(const StoredWeight& stored, int64_t output);

  int bits_;
  bool rotated_ = false;
  std::vector<int64_t> shape_;
  int64_t outputs_;
  int64_t inputs_;
  int64_t padded_inputs_;
  int64_t taps_;
  AlignedBytes<uint8_t> data_;
  // 4 bits: [panels][taps][scale_groups][kPanel]
  std::vector<uint8_t> scale_;
  // [panels * kPanel]; zeros beyond the outputs.
  std::vector<float> step_;
  std::vector<int32_t> sum_;
  std::vector<float> bias_;
};

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_PACKED_WEIGHT_H_
