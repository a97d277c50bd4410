#include "plugins/filling/src/smooth_fill.h"

namespace filling {

at::Tensor FillSmoothly(const at::Tensor& weighted, const at::Tensor& weight) {
  const at::Tensor own = weighted / weight.clamp_min(1e-6);
  if (weight.min().item<float>() > 0.f || weight.size(2) * weight.size(3) == 1) return own;
  const auto halve = [&](const at::Tensor& map) {
    return at::avg_pool2d(map, {2, 2}, {2, 2}, {0, 0}, /*ceil_mode=*/true,
                          /*count_include_pad=*/false);
  };
  const at::Tensor coarse = FillSmoothly(halve(weighted), halve(weight));
  const at::Tensor around = at::upsample_bilinear2d(coarse, {weight.size(2), weight.size(3)},
                                                    /*align_corners=*/false);
  return at::where(weight > 0, own, around);
}

at::Tensor KnownCells(const at::Tensor& known, int64_t cell) {
  return 1 - at::max_pool2d(1 - known, {cell, cell}, {cell, cell});
}

}  // namespace filling
