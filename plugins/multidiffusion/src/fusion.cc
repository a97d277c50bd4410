#include "fusion.h"

#include <algorithm>

namespace multidiffusion {
namespace {

// The reference's variance, for a side of length 1.
constexpr double kVariance = 0.01;

at::Tensor GaussianAlong(int64_t length) {
  const double middle = static_cast<double>(length - 1) / 2;
  const at::Tensor away = (at::arange(length, at::kDouble) - middle) / static_cast<double>(length);
  return at::exp(-away * away / (2 * kVariance));
}

// The part of a window that goes over the canvas's right side.
int64_t Overhang(const Window& window, int64_t canvas_width) {
  return std::max<int64_t>(window.left + window.width - canvas_width, 0);
}

}  // namespace

at::Tensor WindowWeights(Weighting weighting, Size window) {
  if (weighting == Weighting::kUniform) {
    return at::ones({window.height, window.width}, at::kDouble);
  }
  return GaussianAlong(window.height).unsqueeze(1) * GaussianAlong(window.width).unsqueeze(0);
}

at::Tensor Crop(const at::Tensor& latent, const Window& window) {
  const at::Tensor rows = latent.narrow(2, window.top, window.height);
  const int64_t overhang = Overhang(window, latent.size(3));
  const at::Tensor inside = rows.narrow(3, window.left, window.width - overhang);
  return overhang == 0 ? inside : at::cat({inside, rows.narrow(3, 0, overhang)}, 3);
}

void AddAt(at::Tensor& canvas, const Window& window, const at::Tensor& part) {
  at::Tensor rows = canvas.narrow(2, window.top, window.height);
  const int64_t overhang = Overhang(window, canvas.size(3));
  const int64_t inside = window.width - overhang;
  rows.narrow(3, window.left, inside).add_(part.narrow(3, 0, inside));
  if (overhang > 0) rows.narrow(3, 0, overhang).add_(part.narrow(3, inside, overhang));
}

Fusion::Fusion(Size canvas, const std::vector<Window>& windows, Weighting weighting)
    : weights_(WindowWeights(weighting, {windows.front().height, windows.front().width})),
      total_(at::zeros({1, 1, canvas.height, canvas.width}, at::kDouble)) {
  const at::Tensor part = weights_.unsqueeze(0).unsqueeze(0);
  for (const Window& window : windows) AddAt(total_, window, part);
}

at::Tensor Fusion::ShareOf(const Window& window) const {
  return (weights_ / Crop(total_, window)[0][0]).to(at::kFloat);
}

}  // namespace multidiffusion
