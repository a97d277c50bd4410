#include "plugins/animatediff/src/pattern_mask.h"

#include <utility>

namespace animatediff {

Margins DrawMargins(double least, double most, PixelSize size, at::Generator generator) {
  const at::Tensor shares =
      at::rand({4}, std::move(generator), at::TensorOptions().dtype(at::kDouble)) * (most - least) +
      least;
  const auto pixels = [&](int64_t side, int64_t length) {
    return static_cast<int64_t>(shares[side].item<double>() * static_cast<double>(length));
  };
  return {pixels(0, size.width), pixels(1, size.height), pixels(2, size.width),
          pixels(3, size.height)};
}

at::Tensor UnknownPixels(const Margins& margins, PixelSize size) {
  at::Tensor unknown = at::ones({1, 1, size.height, size.width});
  unknown.slice(2, margins.top, size.height - margins.bottom)
      .slice(3, margins.left, size.width - margins.right)
      .zero_();
  return unknown;
}

at::Tensor UnknownCells(const at::Tensor& unknown, int64_t cell) {
  return at::max_pool2d(unknown, {cell, cell});
}

}  // namespace animatediff
