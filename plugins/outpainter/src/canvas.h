#ifndef PATCHBAY_PLUGINS_OUTPAINTER_SRC_CANVAS_H_
#define PATCHBAY_PLUGINS_OUTPAINTER_SRC_CANVAS_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <string>

namespace outpainter {

// A picture, or each frame of a clip, on a larger canvas, and which of the canvas's pixels it
// gives. F is the number of frames, 1 for a picture. All tensors are fp32.
struct Canvas {
  // [F, 3, H, W] in -1..1. What a frame does not give is filled smoothly from what it does.
  at::Tensor picture;
  // [F, 1, H, W]: 1 where the picture is known, 0 where it is to be painted.
  at::Tensor known;
};

struct CanvasSize {
  int64_t height = 0;
  int64_t width = 0;
  bool operator==(const CanvasSize&) const = default;
};

// Pixels to be painted on each side of a picture; -1: what the others leave, which is shared where
// both sides of an axis say so.
struct Margins {
  int64_t left = -1;
  int64_t top = -1;
  int64_t right = -1;
  int64_t bottom = -1;
  bool operator==(const Margins&) const = default;
};

// The size of the finished picture: the canvas's, or where both margins of an axis are given,
// theirs and the picture's together. Canvases are whole cells of pixels, so that they may then be
// less than a cell larger; what lies beyond is cut off at the right and below. Throws
// patchbay::Error where margins and picture do not fit the canvas.
CanvasSize FinishedSize(CanvasSize picture, const Margins& margins, CanvasSize canvas,
                        int64_t cell);

// Throws patchbay::Error where a canvas, or what `what` names, would have more pixels than memory
// is to be taken for. advice: what to do then.
void CheckPixels(const std::string& what, double height, double width, const std::string& advice);

// The same for the canvases of a picture or of a clip's frames.
void CheckClipPixels(int64_t frames, CanvasSize size);

// rgba: [F, 4, h, w] in 0..1. mask: the same sizes, or one for all frames; white where they are to
// be painted anew; undefined: nowhere. Pixels that are less than half opaque are painted too.
// Margins must fit the canvas; see FinishedSize. Throws patchbay::Error where nothing is known of a
// frame, or nothing is to be painted in any within `finished`.
Canvas PlaceOnCanvas(const at::Tensor& rgba, const at::Tensor& mask, const Margins& margins,
                     CanvasSize size, CanvasSize finished);

}  // namespace outpainter

#endif  // PATCHBAY_PLUGINS_OUTPAINTER_SRC_CANVAS_H_
