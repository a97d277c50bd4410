#include "canvas.h"

#include <algorithm>
#include <array>
#include <string>

#include "patchbay/error.h"

namespace outpainter {
namespace {

std::string Size(int64_t width, int64_t height) {
  return std::to_string(width) + "x" + std::to_string(height);
}

// Where a side of `length` begins on one of `available`.
int64_t Place(int64_t wanted, int64_t length, int64_t available, const char* setting) {
  const int64_t place = wanted < 0 ? std::max<int64_t>(0, (available - length) / 2) : wanted;
  if (place + length > available) {
    throw patchbay::Error("the picture with " + std::string(setting) + " " + std::to_string(place) +
                          " needs " + std::to_string(place + length) +
                          " pixels there, and the canvas has " + std::to_string(available) +
                          "; draw a larger size, or give a smaller picture");
  }
  return place;
}

// Fills where weight is 0 from what lies around it, coarser with the distance (pull-push).
at::Tensor FillSmoothly(const at::Tensor& weighted, const at::Tensor& weight) {
  const at::Tensor own = weighted / weight.clamp_min(1e-6);
  if (weight.min().item<float>() > 0.f || weight.numel() == 1) return own;
  const auto halve = [&](const at::Tensor& map) {
    return at::avg_pool2d(map, {2, 2}, {2, 2}, {0, 0}, /*ceil_mode=*/true,
                          /*count_include_pad=*/false);
  };
  const at::Tensor coarse = FillSmoothly(halve(weighted), halve(weight));
  const at::Tensor around = at::upsample_bilinear2d(coarse, {weight.size(2), weight.size(3)},
                                                    /*align_corners=*/false);
  return at::where(weight > 0, own, around);
}

at::Tensor OpaqueAndUnmasked(const at::Tensor& rgba, const at::Tensor& mask) {
  at::Tensor known = rgba.slice(1, 3, 4) >= 0.5;
  if (!mask.defined()) return known.to(at::kFloat);
  if (mask.size(2) != rgba.size(2) || mask.size(3) != rgba.size(3)) {
    throw patchbay::Error("the mask has " + Size(mask.size(3), mask.size(2)) +
                          " pixels and the picture " + Size(rgba.size(3), rgba.size(2)) +
                          "; they must be alike");
  }
  const at::Tensor white = mask.slice(1, 0, 3).mean(1, /*keepdim=*/true) >= 0.5;
  return at::logical_and(known, at::logical_not(white)).to(at::kFloat);
}

}  // namespace

Canvas PlaceOnCanvas(const at::Tensor& rgba, const at::Tensor& mask, int64_t left, int64_t top,
                     CanvasSize size) {
  const int64_t x = Place(left, rgba.size(3), size.width, "left");
  const int64_t y = Place(top, rgba.size(2), size.height, "top");
  const at::Tensor own = OpaqueAndUnmasked(rgba, mask);
  const std::array<int64_t, 4> padding = {x, size.width - x - rgba.size(3), y,
                                          size.height - y - rgba.size(2)};
  Canvas canvas;
  canvas.known = at::constant_pad_nd(own, padding, 0);
  const float share = canvas.known.mean().item<float>();
  if (share == 0.f) {
    throw patchbay::Error("nothing of the picture is known: all of it is masked or transparent");
  }
  if (share == 1.f) {
    throw patchbay::Error("the picture covers the canvas, " + Size(size.width, size.height) +
                          "; draw a larger size, or give a mask");
  }
  const at::Tensor colours = at::constant_pad_nd(rgba.slice(1, 0, 3) * own, padding, 0);
  canvas.picture = 2 * FillSmoothly(colours, canvas.known) - 1;
  return canvas;
}

at::Tensor KnownCells(const at::Tensor& known, int64_t cell) {
  return 1 - at::max_pool2d(1 - known, {cell, cell}, {cell, cell});
}

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

}  // namespace outpainter
