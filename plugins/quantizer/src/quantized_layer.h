#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_QUANTIZED_LAYER_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_QUANTIZED_LAYER_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "packed_weight.h"
#include "quantized_input.h"

namespace quantizer {

// How one layer computes.
struct LayerScheme {
  int weight_bits = 8;  // 8 or 4
  // Bytes times weights in integers; otherwise the weights become numbers again for each call and
  // the product is LibTorch's: less memory between calls, no speed.
  bool integer_products = true;
  bool rotate = false;
  // Calibrated ranges of the input; of the channels from skip_split on, the second.
  std::optional<Range> range = std::nullopt;
  std::optional<Range> skip_range = std::nullopt;
  // Where not 0, channels from here on came over a skip connection: both halves have integers of
  // their own, since their ranges differ (Q-Diffusion, arXiv:2302.04304, and MixDQ).
  int64_t skip_split = 0;
};

// A linear layer, or a convolution without groups, with weights in 8 or 4 bits. Immutable; any
// thread may call it. Inputs are fp32 or bf16, outputs of the same type. What it is given must be
// finite; it throws c10::Error otherwise.
class QuantizedLayer {
 public:
  // weight: [out, in] or [out, in, k, k], any floating type; bias: [out] or undefined.
  QuantizedLayer(const at::Tensor& weight, const at::Tensor& bias, const LayerScheme& scheme);
  // From the integers that Stored() gave for the same scheme; kernel: 0 for linear layers. Throws
  // c10::Error when sizes do not fit each other.
  QuantizedLayer(const std::vector<StoredWeight>& stored, int64_t kernel, const at::Tensor& bias,
                 const LayerScheme& scheme);

  // Linear layers. x: [..., in] to [..., out].
  at::Tensor Forward(const at::Tensor& x) const;
  // The same in two steps, for layers that share an input and its scheme.
  QuantizedInput Quantize(const at::Tensor& x) const;
  at::Tensor Multiply(const QuantizedInput& input, const at::Tensor& x) const;

  // Convolutions. x: [B, in, H, W] to [B, out, H', W'] in channels-last order.
  at::Tensor Forward(const at::Tensor& x, const Geometry& geometry) const;

  // The integers of each part, in new memory.
  std::vector<StoredWeight> Stored() const;

  // The weights as numbers again, in the shape that they came in, fp32.
  at::Tensor Weight() const;

  const at::Tensor& bias() const { return bias_; }
  bool integer_products() const { return scheme_.integer_products; }
  // Whether Quantize() gives the same for the same input as that of any other such layer.
  bool has_plain_input() const {
    return scheme_.integer_products && !scheme_.rotate && !scheme_.range;
  }
  // All memory that it holds.
  size_t bytes() const;

 private:
  // The channels below a skip connection's, and the skip connection's; or all of them.
  struct Part {
    Channels channels;
    InputScheme input;
    PackedWeight weight;
  };

  void AddPart(PackedWeight weight, Channels channels, const std::optional<Range>& range);
  PackedWeight::Options Options() const {
    return {.bits = scheme_.weight_bits, .rotate = scheme_.rotate};
  }
  LayerScheme scheme_;
  at::Tensor bias_;
  std::vector<Part> parts_;
};

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_QUANTIZED_LAYER_H_
