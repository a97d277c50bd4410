#include "seam.h"

#include <algorithm>

#include "canvas.h"
#include "decay_map.h"
#include "plugins/filling/src/smooth_fill.h"

namespace outpainter {
namespace {

// Pixels over which details go straight on before only what is smooth along the edge does: a
// membrane has lost half of a detail in its first pixel.
constexpr int kStraightOn = 4;

// At each coarseness, for what changes along the edge by as many pixels.
constexpr int kRelaxations = 8;

// In steps to one of the eight neighbours, which two passes find; 0 where it is painted.
at::Tensor PixelsFromPainted(const at::Tensor& known) {
  const int64_t height = known.size(2);
  const int64_t width = known.size(3);
  at::Tensor pixels =
      at::where(known > 0, static_cast<float>(std::max(height, width)), 0.F).contiguous();
  for (int64_t frame = 0; frame < known.size(0); ++frame) {
    float* const map = pixels[frame].data_ptr<float>();
    const auto nearer = [&](int64_t y, int64_t x, int64_t dy, int64_t dx) {
      if (y + dy < 0 || y + dy >= height || x + dx < 0 || x + dx >= width) return;
      float& here = map[y * width + x];
      here = std::min(here, map[(y + dy) * width + x + dx] + 1);
    };
    for (int64_t y = 0; y < height; ++y) {
      for (int64_t x = 0; x < width; ++x) {
        for (int64_t dx = -1; dx <= 1; ++dx) nearer(y, x, -1, dx);
        nearer(y, x, 0, -1);
      }
    }
    for (int64_t y = height - 1; y >= 0; --y) {
      for (int64_t x = width - 1; x >= 0; --x) {
        for (int64_t dx = -1; dx <= 1; ++dx) nearer(y, x, 1, dx);
        nearer(y, x, 0, 1);
      }
    }
  }
  return pixels;
}

// What is known, and in the pixels nearest to it the mean of the neighbours that are nearer.
at::Tensor ContinuedStraight(const at::Tensor& values, const at::Tensor& known) {
  at::Tensor filled = values * known;
  at::Tensor is_filled = known;
  for (int i = 0; i < kStraightOn; ++i) {
    const at::Tensor count = filling::SumOfNeighbours(is_filled);
    filled =
        at::where(is_filled > 0, filled, filling::SumOfNeighbours(filled) / count.clamp_min(1));
    is_filled = at::logical_or(is_filled > 0, count > 0).to(at::kFloat);
  }
  return filled;
}

}  // namespace

at::Tensor FeatheredKnown(const at::Tensor& known, int64_t feathering) {
  if (feathering <= 0) return known;
  const auto ring = static_cast<double>(feathering);
  const at::Tensor share = ((PixelsFromPainted(known) - 0.5) / ring).clamp(0, 1);
  return known * share * share * (3 - 2 * share);
}

at::Tensor ExtendedAsMembrane(const at::Tensor& values, const at::Tensor& known) {
  return filling::FillSmoothly(values * known, known, kRelaxations);
}

KnownPicture OnCanvas(const at::Tensor& picture, const at::Tensor& known, int64_t feathering,
                      int64_t blending) {
  const at::Tensor beyond = (DistanceFromKnown(known) - 1).clamp_min(0);
  const auto falling = [&](int64_t length) {
    return length <= 0 ? known : (1 - beyond / static_cast<double>(length)).clamp_min(0);
  };
  return {picture, known, FeatheredKnown(known, feathering), falling(blending),
          falling(kStraightOn)};
}

at::Tensor LaidOver(const at::Tensor& painted, const KnownPicture& over) {
  const at::Tensor mixed = over.weight * over.picture + (1 - over.weight) * painted;
  const at::Tensor difference = mixed - painted;
  const at::Tensor smooth = ExtendedAsMembrane(difference, over.known);
  const at::Tensor straight = ContinuedStraight(difference, over.known);
  const at::Tensor beyond = painted + over.reach * at::lerp(smooth, straight, over.straight);
  return at::where(over.known > 0, mixed, beyond);
}

}  // namespace outpainter
