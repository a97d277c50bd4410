#include "plugins/outpainter/src/training_picture.h"

#include <algorithm>
#include <cmath>

#include "plugins/training/src/seeded_draws.h"

namespace outpainter {
namespace {

using training::DrawBelow;

constexpr double kLargestZoom = 1.125;
constexpr double kAllHidden = 0.1;
constexpr int64_t kMostRectangles = 29;
constexpr double kLeastSide = 0.03;
constexpr double kMostSide = 0.25;

double DrawShare(const at::Generator& generator) {
  return at::rand({1}, generator, at::kDouble).item<double>();
}

TrainingPicture Cut(const TrainingPicture& from, int64_t top, int64_t left, CanvasSize size) {
  const auto cut = [&](const at::Tensor& map) {
    return map.slice(2, top, top + size.height).slice(3, left, left + size.width).contiguous();
  };
  return {cut(from.picture), cut(from.known)};
}

// Where a part of `length` begins on a side of `available` so that it has the pixel `at`.
int64_t DrawStart(int64_t at, int64_t length, int64_t available, const at::Generator& generator) {
  const int64_t first = std::max<int64_t>(0, at - length + 1);
  const int64_t last = std::min(at, available - length);
  return first + DrawBelow(last - first + 1, generator);
}

int64_t DrawSide(int64_t side, const at::Generator& generator) {
  const auto least =
      std::max<int64_t>(1, static_cast<int64_t>(kLeastSide * static_cast<double>(side)));
  const auto most = std::max(least, static_cast<int64_t>(kMostSide * static_cast<double>(side)));
  return least + DrawBelow(most - least + 1, generator);
}

// What a picture is scaled by so that it covers a part of this size.
double Covering(const TrainingPicture& from, CanvasSize size) {
  return std::max(static_cast<double>(size.height) / static_cast<double>(from.picture.size(2)),
                  static_cast<double>(size.width) / static_cast<double>(from.picture.size(3)));
}

}  // namespace

TrainingPicture LearnedFrom(const at::Tensor& rgba) {
  return {(rgba.narrow(1, 0, 3) * 2 - 1).contiguous(),
          (rgba.narrow(1, 3, 1) >= 0.5).to(at::kFloat)};
}

std::pair<double, double> LargestScaled(const TrainingPicture& from, CanvasSize size) {
  const double scale = kLargestZoom * Covering(from, size);
  return {static_cast<double>(from.picture.size(2)) * scale,
          static_cast<double>(from.picture.size(3)) * scale};
}

TrainingPicture CutFromScaled(const TrainingPicture& from, CanvasSize size,
                              at::Generator generator) {
  const auto height = static_cast<double>(from.picture.size(2));
  const auto width = static_cast<double>(from.picture.size(3));
  const double scale = Covering(from, size) * (1 + DrawShare(generator) * (kLargestZoom - 1));
  const CanvasSize scaled = {std::max(size.height, std::lround(height * scale)),
                             std::max(size.width, std::lround(width * scale))};
  const TrainingPicture whole = {
      at::_upsample_bicubic2d_aa(from.picture, {scaled.height, scaled.width},
                                 /*align_corners=*/false)
          .clamp(-1, 1),
      at::upsample_nearest2d(from.known, {scaled.height, scaled.width})};
  const int64_t top = DrawBelow(scaled.height - size.height + 1, generator);
  const int64_t left = DrawBelow(scaled.width - size.width + 1, generator);
  return Cut(whole, top, left, size);
}

TrainingPicture CutAroundKnown(const TrainingPicture& from, CanvasSize size,
                               at::Generator generator) {
  const at::Tensor known = from.known[0][0].nonzero();
  const at::Tensor pixel = known[DrawBelow(known.size(0), generator)];
  const int64_t top =
      DrawStart(pixel[0].item<int64_t>(), size.height, from.known.size(2), generator);
  const int64_t left =
      DrawStart(pixel[1].item<int64_t>(), size.width, from.known.size(3), generator);
  return Cut(from, top, left, size);
}

at::Tensor DrawHidden(CanvasSize size, at::Generator generator) {
  at::Tensor hidden = at::zeros({1, 1, size.height, size.width});
  if (DrawShare(generator) < kAllHidden) return hidden.fill_(1);
  const int64_t rectangles = 1 + DrawBelow(kMostRectangles, generator);
  for (int64_t i = 0; i < rectangles; ++i) {
    const int64_t height = DrawSide(size.height, generator);
    const int64_t width = DrawSide(size.width, generator);
    const int64_t top = DrawBelow(size.height - height + 1, generator);
    const int64_t left = DrawBelow(size.width - width + 1, generator);
    hidden.slice(2, top, top + height).slice(3, left, left + width).fill_(1);
  }
  return DrawShare(generator) < 0.5 ? 1 - hidden : hidden;
}

}  // namespace outpainter
