#include "resize.h"

namespace deep_shrink {
namespace {

// Spherical interpolation between rows of a and b [N, C] by t [N, 1]: direction and length on their
// own. Parallel rows are left as they are, and opposite ones are mixed linearly.
at::Tensor Slerp(const at::Tensor& a, const at::Tensor& b, const at::Tensor& t) {
  const at::Tensor length_a = a.norm(2, {1}, /*keepdim=*/true);
  const at::Tensor length_b = b.norm(2, {1}, /*keepdim=*/true);
  const at::Tensor unit_a = at::where(length_a == 0, at::zeros_like(a), a / length_a);
  const at::Tensor unit_b = at::where(length_b == 0, at::zeros_like(b), b / length_b);
  const at::Tensor cosine = (unit_a * unit_b).sum(1, /*keepdim=*/true);
  const at::Tensor angle = at::acos(cosine);
  const at::Tensor direction =
      (at::sin((1.0 - t) * angle) * unit_a + at::sin(t * angle) * unit_b) / at::sin(angle);
  at::Tensor mixed = direction * (length_a * (1.0 - t) + length_b * t);
  mixed = at::where(cosine > 1 - 1e-5, a, mixed);
  return at::where(cosine < 1e-5 - 1, a * (1.0 - t) + b * t, mixed);
}

struct Neighbours {
  at::Tensor first;   // indices, [size]
  at::Tensor second;  // indices
  at::Tensor share;   // of the second, [size]
};

// Which two positions of `from` each of `to` lies between: the first by rounding its centre down as
// bilinear interpolation does, the last position standing for all beyond it.
Neighbours NeighboursOf(int64_t from, int64_t to, const at::Tensor& like) {
  const auto line = [&](int64_t shift) {
    at::Tensor positions =
        at::arange(from, like.options().dtype(at::kFloat)).reshape({1, 1, 1, from});
    if (shift != 0) {
      positions = positions + shift;
      positions.index_put_({at::indexing::Ellipsis, from - 1},
                           positions.index({at::indexing::Ellipsis, from - 1}) - 1);
    }
    return at::upsample_bilinear2d(positions, {1, to}, /*align_corners=*/false).reshape({to});
  };
  const at::Tensor place = line(0);
  const at::Tensor next = line(1);
  return {place.to(at::kLong), next.to(at::kLong), place - place.floor()};
}

// Along the last dimension of x [B, C, H, W].
at::Tensor BislerpLine(const at::Tensor& x, int64_t size) {
  const Neighbours neighbours = NeighboursOf(x.size(3), size, x);
  const auto rows = [&](const at::Tensor& indices) {
    return x.index_select(3, indices).permute({0, 2, 3, 1}).reshape({-1, x.size(1)});
  };
  const at::Tensor share = neighbours.share.reshape({1, 1, size, 1})
                               .expand({x.size(0), x.size(2), size, 1})
                               .reshape({-1, 1});
  return Slerp(rows(neighbours.first), rows(neighbours.second), share)
      .reshape({x.size(0), x.size(2), size, x.size(1)})
      .permute({0, 3, 1, 2});
}

}  // namespace

at::Tensor Resize(const at::Tensor& features, int64_t height, int64_t width, Method method) {
  switch (method) {
    case Method::kNearestExact:
      return at::_upsample_nearest_exact2d(features, {height, width});
    case Method::kBilinear:
      return at::upsample_bilinear2d(features, {height, width}, /*align_corners=*/false);
    case Method::kArea:
      return at::adaptive_avg_pool2d(features, {height, width});
    case Method::kBislerp: {
      const at::Tensor wide = BislerpLine(features.to(at::kFloat), width);
      return BislerpLine(wide.transpose(2, 3), height).transpose(2, 3).to(features.scalar_type());
    }
    case Method::kBicubic:
      break;
  }
  // In fp32: its weights are negative in places, and half precision shows.
  return at::upsample_bicubic2d(features.to(at::kFloat), {height, width}, /*align_corners=*/false)
      .to(features.scalar_type());
}

}  // namespace deep_shrink
