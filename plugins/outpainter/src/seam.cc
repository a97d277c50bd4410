#include "seam.h"

#include "canvas.h"
#include "decay_map.h"
#include "plugins/filling/src/smooth_fill.h"

namespace outpainter {
namespace {

// Pixels over which details go straight on before only what is smooth along the edge does: a
// membrane has lost half of a detail in its first pixel.
constexpr int kStraightOn = 4;

// The coarse levels of the fill have the slow part right; these are for what changes along the
// edge, which fades within as many pixels.
constexpr int kRelaxations = 64;

// The sum of the four neighbours of each place; those at the border are their own.
at::Tensor SumOfNeighbours(const at::Tensor& map) {
  const int64_t height = map.size(2);
  const int64_t width = map.size(3);
  const at::Tensor around = at::replication_pad2d(map, {1, 1, 1, 1});
  return around.slice(2, 0, height).slice(3, 1, width + 1) +
         around.slice(2, 2, height + 2).slice(3, 1, width + 1) +
         around.slice(2, 1, height + 1).slice(3, 0, width) +
         around.slice(2, 1, height + 1).slice(3, 2, width + 2);
}

// What is known, and in the pixels nearest to it the mean of the neighbours that are nearer.
at::Tensor ContinuedStraight(const at::Tensor& values, const at::Tensor& known) {
  at::Tensor filled = values * known;
  at::Tensor is_filled = known;
  for (int i = 0; i < kStraightOn; ++i) {
    const at::Tensor count = SumOfNeighbours(is_filled);
    filled = at::where(is_filled > 0, filled, SumOfNeighbours(filled) / count.clamp_min(1));
    is_filled = at::logical_or(is_filled > 0, count > 0).to(at::kFloat);
  }
  return filled;
}

}  // namespace

at::Tensor FeatheredKnown(const at::Tensor& known, int64_t feathering) {
  if (feathering <= 0) return known;
  at::Tensor painted = 1 - known;
  at::Tensor depth = at::zeros_like(known);  // pixels between here and what is painted
  for (int64_t i = 0; i < feathering; ++i) {
    painted = at::max_pool2d(painted, {3, 3}, {1, 1}, {1, 1});
    depth += 1 - painted;
  }
  const auto ring = static_cast<double>(feathering);
  const at::Tensor share = ((depth + 0.5) / ring).clamp_max(1);
  const at::Tensor step = share * share * (3 - 2 * share);
  return known * at::where(depth < ring, step, at::ones_like(step));
}

at::Tensor ExtendedAsMembrane(const at::Tensor& values, const at::Tensor& known) {
  const at::Tensor own = values * known;
  at::Tensor filled = filling::FillSmoothly(own, known);
  for (int i = 0; i < kRelaxations; ++i) {
    filled = at::where(known > 0, own, SumOfNeighbours(filled) / 4);
  }
  return filled;
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
