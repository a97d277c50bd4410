#include "bridges/webui/mask_fill.h"

#include <algorithm>
#include <cstddef>

namespace patchbay::webui {
namespace {

// A1111's radii in pixels, and how often each layer is laid over the others.
struct Layer {
  int radius;
  int times;
};
constexpr Layer kLayers[] = {{256, 1}, {64, 1}, {16, 2}, {4, 4}, {2, 2}, {0, 1}};
constexpr int kExactRadius = 8;

// Blurs much at a smaller size: the result has no detail that would be lost.
Picture Blurred(const Picture& picture, int radius) {
  if (radius <= kExactRadius) return GaussianBlur(picture, radius, radius);
  const int shrink = radius / kExactRadius;
  const int width = std::max(1, picture.width / shrink);
  const int height = std::max(1, picture.height / shrink);
  const Picture small = Resize(picture, width, height, ResizeFilter::kBilinear);
  const double sigma_x = static_cast<double>(radius) * width / picture.width;
  const double sigma_y = static_cast<double>(radius) * height / picture.height;
  return Resize(GaussianBlur(small, sigma_x, sigma_y), picture.width, picture.height,
                ResizeFilter::kBilinear);
}

// `top` over `bottom`; both with the opacity multiplied in.
void LayOver(const Picture& top, Picture& bottom) {
  for (size_t i = 0; i < bottom.pixels.size(); i += 4) {
    const int through = 255 - top.pixels[i + 3];
    for (size_t c = i; c < i + 4; ++c) {
      bottom.pixels[c] = static_cast<uint8_t>(
          std::min(255, top.pixels[c] + (bottom.pixels[c] * through + 127) / 255));
    }
  }
}

}  // namespace

Picture FillFromSurroundings(const Picture& picture, const Picture& mask) {
  Picture known = BlankPicture(picture.width, picture.height, 4, 0);
  for (size_t i = 0; i < mask.pixels.size(); ++i) {
    const int opacity = 255 - mask.pixels[i];
    for (size_t c = 0; c < 3; ++c) {
      known.pixels[i * 4 + c] =
          static_cast<uint8_t>((picture.pixels[i * 3 + c] * opacity + 127) / 255);
    }
    known.pixels[i * 4 + 3] = static_cast<uint8_t>(opacity);
  }
  Picture filled = BlankPicture(picture.width, picture.height, 4, 0);
  for (const Layer& layer : kLayers) {
    const Picture blurred = Blurred(known, layer.radius);
    for (int i = 0; i < layer.times; ++i) LayOver(blurred, filled);
  }
  Picture result = BlankPicture(picture.width, picture.height, 3, 0);
  for (size_t i = 0; i < mask.pixels.size(); ++i) {
    const int opacity = std::max<int>(filled.pixels[i * 4 + 3], 1);
    for (size_t c = 0; c < 3; ++c) {
      result.pixels[i * 3 + c] =
          static_cast<uint8_t>(std::min(255, filled.pixels[i * 4 + c] * 255 / opacity));
    }
  }
  return result;
}

}  // namespace patchbay::webui
