#include "canvas.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "patchbay/error.h"
#include "plugins/filling/src/smooth_fill.h"

namespace outpainter {
namespace {

// What a picture or a clip may have that is read; of a canvas there are several such tensors.
constexpr double kMostPixels = 64.0 * 1024 * 1024;

std::string Size(int64_t width, int64_t height) {
  return std::to_string(width) + "x" + std::to_string(height);
}

// Where a side of `length` begins on one of `available`, which it fits.
int64_t Begin(int64_t before, int64_t after, int64_t length, int64_t available) {
  if (before >= 0) return before;
  const int64_t rest = available - length;
  return after >= 0 ? rest - after : rest / 2;
}

// The length of a finished side.
int64_t FinishedLength(int64_t before, int64_t after, int64_t length, int64_t available,
                       int64_t cell, const char* axis) {
  const int64_t needed = std::max<int64_t>(before, 0) + length + std::max<int64_t>(after, 0);
  const bool all_given = before >= 0 && after >= 0;
  if (needed <= available && (!all_given || available - needed < cell)) {
    return all_given ? needed : available;
  }
  throw patchbay::Error("picture and margins are " + std::to_string(needed) + " pixels " + axis +
                        ", and the canvas is " + std::to_string(available) + "; draw a size of " +
                        std::to_string((needed + cell - 1) / cell * cell) +
                        ", or give other margins");
}

at::Tensor OpaqueAndUnmasked(const at::Tensor& rgba, const at::Tensor& mask) {
  at::Tensor known = rgba.slice(1, 3, 4) >= 0.5;
  if (!mask.defined()) return known.to(at::kFloat);
  if (mask.size(2) != rgba.size(2) || mask.size(3) != rgba.size(3)) {
    throw patchbay::Error("the mask has " + Size(mask.size(3), mask.size(2)) +
                          " pixels and the picture " + Size(rgba.size(3), rgba.size(2)) +
                          "; they must be alike");
  }
  if (mask.size(0) != 1 && mask.size(0) != rgba.size(0)) {
    throw patchbay::Error("the mask has " + std::to_string(mask.size(0)) +
                          " frames and the picture " + std::to_string(rgba.size(0)) +
                          "; give one mask for all, or one for each");
  }
  const at::Tensor white = mask.slice(1, 0, 3).mean(1, /*keepdim=*/true) >= 0.5;
  return at::logical_and(known, at::logical_not(white)).to(at::kFloat);
}

void CheckEachIsKnown(const at::Tensor& known) {
  const at::Tensor is_known = known.amax({1, 2, 3});
  if (is_known.min().item<float>() > 0.f) return;
  const int64_t frame = is_known.argmin().item<int64_t>() + 1;
  throw patchbay::Error(known.size(0) == 1
                            ? "nothing of the picture is known: all of it is masked or transparent"
                            : "nothing of frame " + std::to_string(frame) +
                                  " is known: all of it is masked or transparent");
}

}  // namespace

void CheckPixels(const std::string& what, double height, double width, const std::string& advice) {
  if (height * width <= kMostPixels) return;
  throw patchbay::Error(what + " would have " + Size(std::llround(width), std::llround(height)) +
                        " pixels, and " + std::to_string(std::llround(kMostPixels)) +
                        " are the most; " + advice);
}

void CheckClipPixels(int64_t frames, CanvasSize size) {
  if (frames == 1) {
    return CheckPixels("the canvas", static_cast<double>(size.height),
                       static_cast<double>(size.width), "draw a smaller size");
  }
  const auto of_frame = static_cast<double>(size.height) * static_cast<double>(size.width);
  if (of_frame * static_cast<double>(frames) <= kMostPixels) return;
  throw patchbay::Error("the canvases of " + std::to_string(frames) + " frames of " +
                        Size(size.width, size.height) + " would have more than " +
                        std::to_string(std::llround(kMostPixels)) +
                        " pixels together; draw fewer frames at once, or a smaller size");
}

CanvasSize FinishedSize(CanvasSize picture, const Margins& margins, CanvasSize canvas,
                        int64_t cell) {
  return {FinishedLength(margins.top, margins.bottom, picture.height, canvas.height, cell, "high"),
          FinishedLength(margins.left, margins.right, picture.width, canvas.width, cell, "wide")};
}

Canvas PlaceOnCanvas(const at::Tensor& rgba, const at::Tensor& mask, const Margins& margins,
                     CanvasSize size, CanvasSize finished) {
  const int64_t x = Begin(margins.left, margins.right, rgba.size(3), size.width);
  const int64_t y = Begin(margins.top, margins.bottom, rgba.size(2), size.height);
  const at::Tensor own = OpaqueAndUnmasked(rgba, mask);
  const std::array<int64_t, 4> padding = {x, size.width - x - rgba.size(3), y,
                                          size.height - y - rgba.size(2)};
  Canvas canvas;
  canvas.known = at::constant_pad_nd(own, padding, 0);
  const at::Tensor seen = canvas.known.slice(2, 0, finished.height).slice(3, 0, finished.width);
  CheckEachIsKnown(seen);
  if (seen.min().item<float>() == 1.f) {
    throw patchbay::Error("the picture covers the canvas, " +
                          Size(finished.width, finished.height) +
                          (mask.defined() ? ", and nothing of the mask is white; paint white what "
                                            "is to be painted anew"
                                          : "; draw a larger size, or give a mask"));
  }
  const at::Tensor colours = at::constant_pad_nd(rgba.slice(1, 0, 3) * own, padding, 0);
  canvas.picture = 2 * filling::FillSmoothly(colours, canvas.known) - 1;
  return canvas;
}

}  // namespace outpainter
