#include "plugins/animatediff/src/lora_decay.h"

#include <algorithm>

namespace animatediff {
namespace {

// Of one axis: for each of `cells` places, the distance in pixels to the known interval; 0 in it.
at::Tensor DistanceAlong(int64_t before, int64_t after, int64_t length, int64_t cells) {
  const at::Tensor pixel = at::floor_divide(at::arange(cells, at::kLong) * length, cells);
  const at::Tensor to_first = before - pixel;
  const at::Tensor from_last = pixel - (length - after - 1);
  return at::maximum(to_first, from_last).clamp_min(0).to(at::kDouble);
}

}  // namespace

at::Tensor LoraDecay(const Margins& margins, PixelSize canvas, PixelSize grid, double k) {
  const int64_t widest =
      std::max(std::max(margins.left, margins.right), std::max(margins.top, margins.bottom));
  if (widest == 0) return at::ones({grid.height, grid.width});
  const at::Tensor rows =
      DistanceAlong(margins.top, margins.bottom, canvas.height, grid.height).unsqueeze(1);
  const at::Tensor columns =
      DistanceAlong(margins.left, margins.right, canvas.width, grid.width).unsqueeze(0);
  // Beside the rectangle one of the two is 0 and the other counts; in corners the smaller one.
  const at::Tensor smaller = at::minimum(rows, columns);
  const at::Tensor distance = at::where(smaller > 0, smaller, at::maximum(rows, columns));
  return at::exp(-distance / (k * static_cast<double>(widest))).to(at::kFloat);
}

}  // namespace animatediff
