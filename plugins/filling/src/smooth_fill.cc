#include "plugins/filling/src/smooth_fill.h"

namespace filling {

at::Tensor SumOfNeighbours(const at::Tensor& map) {
  const int64_t height = map.size(2);
  const int64_t width = map.size(3);
  const at::Tensor around = at::replication_pad2d(map, {1, 1, 1, 1});
  return around.slice(2, 0, height).slice(3, 1, width + 1) +
         around.slice(2, 2, height + 2).slice(3, 1, width + 1) +
         around.slice(2, 1, height + 1).slice(3, 0, width) +
         around.slice(2, 1, height + 1).slice(3, 2, width + 2);
}

at::Tensor FillSmoothly(const at::Tensor& weighted, const at::Tensor& weight, int relaxations) {
  const at::Tensor own = weighted / weight.clamp_min(1e-6);
  if (weight.min().item<float>() > 0.f || weight.size(2) * weight.size(3) == 1) return own;
  const auto halve = [&](const at::Tensor& map) {
    return at::avg_pool2d(map, {2, 2}, {2, 2}, {0, 0}, /*ceil_mode=*/true,
                          /*count_include_pad=*/false);
  };
  const at::Tensor coarse = FillSmoothly(halve(weighted), halve(weight), relaxations);
  const at::Tensor around = at::upsample_bilinear2d(coarse, {weight.size(2), weight.size(3)},
                                                    /*align_corners=*/false);
  const at::Tensor is_own = weight > 0;
  at::Tensor filled = at::where(is_own, own, around);
  for (int i = 0; i < relaxations; ++i) {
    filled = at::where(is_own, own, SumOfNeighbours(filled) / 4);
  }
  return filled;
}

at::Tensor KnownCells(const at::Tensor& known, int64_t cell) {
  return 1 - at::max_pool2d(1 - known, {cell, cell}, {cell, cell});
}

}  // namespace filling
