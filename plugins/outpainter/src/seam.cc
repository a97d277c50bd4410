#include "seam.h"

#include "canvas.h"
#include "decay_map.h"

namespace outpainter {
namespace {

// The coarse levels of the fill have the slow part right; these are for what changes along the
// edge, which fades within as many pixels.
constexpr int kRelaxations = 64;

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
  at::Tensor filled = FillSmoothly(own, known);
  for (int i = 0; i < kRelaxations; ++i) {
    const at::Tensor around = at::replication_pad2d(filled, {1, 1, 1, 1});
    const int64_t height = filled.size(2);
    const int64_t width = filled.size(3);
    const at::Tensor mean = (around.slice(2, 0, height).slice(3, 1, width + 1) +
                             around.slice(2, 2, height + 2).slice(3, 1, width + 1) +
                             around.slice(2, 1, height + 1).slice(3, 0, width) +
                             around.slice(2, 1, height + 1).slice(3, 2, width + 2)) /
                            4;
    filled = at::where(known > 0, own, mean);
  }
  return filled;
}

at::Tensor Reach(const at::Tensor& known, int64_t blending) {
  if (blending <= 0) return known;
  const at::Tensor beyond = (DistanceFromKnown(known) - 1).clamp_min(0);
  return (1 - beyond / static_cast<double>(blending)).clamp_min(0);
}

at::Tensor LaidOver(const at::Tensor& painted, const KnownPicture& over) {
  const at::Tensor mixed = over.weight * over.picture + (1 - over.weight) * painted;
  const at::Tensor beyond = painted + over.reach * ExtendedAsMembrane(mixed - painted, over.known);
  return at::where(over.known > 0, mixed, beyond);
}

}  // namespace outpainter
