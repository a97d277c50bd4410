#include "plugins/clip_vision/src/preprocessing.h"

#include <algorithm>

#include "plugins/clip_vision/src/resampling.h"

namespace clip_vision {
namespace {

// Of the pictures that CLIP was trained on (arXiv:2103.00020; OPENAI_CLIP_MEAN and _STD).
constexpr double kMean[] = {0.48145466, 0.4578275, 0.40821073};
constexpr double kDeviation[] = {0.26862954, 0.26130258, 0.27577711};

}  // namespace

at::Tensor Pixels(const at::Tensor& picture) {
  const at::Tensor colours = picture[0].slice(0, 0, 3).permute({1, 2, 0});
  return (colours * 255).round().clamp(0, 255).to(at::kByte).contiguous();
}

at::Tensor Grey(const at::Tensor& pixels) {
  const at::Tensor colours = pixels.to(at::kInt);
  const at::Tensor sum = colours.select(2, 0) * 19595 + colours.select(2, 1) * 38470 +
                         colours.select(2, 2) * 7471 + 0x8000;
  return sum.bitwise_right_shift(16);
}

at::Tensor CentreSquare(const at::Tensor& pixels, int64_t size) {
  const int64_t height = pixels.size(0);
  const int64_t width = pixels.size(1);
  const int64_t shorter = std::min(height, width);
  // Python's int(size * longer / shorter).
  const auto grown = [&](int64_t length) {
    return length == shorter ? size
                             : static_cast<int64_t>(static_cast<double>(size * length) /
                                                    static_cast<double>(shorter));
  };
  const PictureSize resized = {grown(height), grown(width)};
  const Window middle = {(resized.height - size) / 2, (resized.width - size) / 2, {size, size}};
  return Resize(pixels, resized, middle, Filter::kBicubic);
}

at::Tensor Normalised(const at::Tensor& squares) {
  const at::Tensor mean = at::tensor(at::ArrayRef<double>(kMean), at::kDouble);
  const at::Tensor deviation = at::tensor(at::ArrayRef<double>(kDeviation), at::kDouble);
  const at::Tensor colours = squares.to(at::kDouble) / 255;
  return ((colours - mean) / deviation).permute({0, 3, 1, 2}).to(at::kFloat).contiguous();
}

}  // namespace clip_vision
