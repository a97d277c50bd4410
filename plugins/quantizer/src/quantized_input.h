#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_QUANTIZED_INPUT_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_QUANTIZED_INPUT_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "aligned_bytes.h"
#include "kernel.h"

namespace quantizer {

// How a convolution moves over its input, the same in both directions.
struct Geometry {
  int64_t kernel = 1;
  int64_t stride = 1;
  int64_t padding = 0;
  int64_t dilation = 1;
};

// A part of the input's channels.
struct Channels {
  int64_t first = 0;
  int64_t count = 0;
};

// How a layer's input becomes bytes.
struct InputScheme {
  bool rotate = false;
  // The range of a calibrated layer; without one it is that of each token, or of each picture.
  std::optional<Range> range = std::nullopt;
};

// The bytes' meaning when numbers from `range` are spread over 0..255 (asymmetric, MixDQ):
// step = (high - low) / 255, zero = round(-low / step). Zero itself is always met.
ByteScale ScaleOf(const Range& range);

// Activations as bytes, and where the rows of a product lie in them: output position (picture, y,
// x) reads, for each tap, padded_inputs bytes from Row(position) + taps[tap] on.
class QuantizedInput {
 public:
  // x: [..., channels of the layer], fp32 or bf16, on the CPU: a row for each token, with its own
  // scale. Throws c10::Error when a value is not finite.
  static QuantizedInput OfTokens(const at::Tensor& x, const InputScheme& scheme);
  // x: [B, C, H, W]. A 1 x 1 convolution that neither skips nor pads takes a scale for each
  // position. Others take one for each picture, since a window's sums mix positions.
  static QuantizedInput OfMaps(const at::Tensor& x, Channels channels, const Geometry& geometry,
                               const InputScheme& scheme);

  int64_t rows() const { return pictures_ * out_height_ * out_width_; }
  int64_t out_height() const { return out_height_; }
  int64_t out_width() const { return out_width_; }
  int64_t padded_inputs() const { return padded_inputs_; }
  const std::vector<int64_t>& taps() const { return taps_; }

  const uint8_t* Row(int64_t position) const {
    // Divisions would take a tenth of the product's time where rows are short.
    if (is_dense_) return bytes_.data() + position * x_stride_;
    const int64_t x = position % out_width_;
    const int64_t y = position / out_width_ % out_height_;
    const int64_t picture = position / (out_width_ * out_height_);
    return bytes_.data() + picture * picture_stride_ + y * y_stride_ + x * x_stride_;
  }
  const ByteScale& ScaleOfRow(int64_t position) const {
    if (rows_a_scale_ == 1) return scales_[static_cast<size_t>(position)];
    return scales_[static_cast<size_t>(position / rows_a_scale_)];
  }

 private:
  static QuantizedInput OfRows(const at::Tensor& rows, Channels channels,
                               const InputScheme& scheme);
  void QuantizeMaps(const at::Tensor& maps, Channels channels, int64_t padding,
                    const InputScheme& scheme);

  AlignedBytes<uint8_t> bytes_;
  std::vector<ByteScale> scales_;
  int64_t rows_a_scale_ = 1;
  bool is_dense_ = false;  // rows follow each other without gaps
  std::vector<int64_t> taps_ = {0};
  int64_t padded_inputs_ = 0;
  int64_t pictures_ = 1;
  int64_t out_height_ = 1;
  int64_t out_width_ = 0;
  int64_t picture_stride_ = 0;
  int64_t y_stride_ = 0;
  int64_t x_stride_ = 0;
};

// kFloat or kBFloat16; throws for any other type, and for tensors that are not on the CPU.
Element ElementOf(const at::Tensor& x);

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_QUANTIZED_INPUT_H_
