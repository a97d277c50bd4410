#ifndef PATCHBAY_PLUGINS_OUTPAINTER_SRC_CANVAS_H_
#define PATCHBAY_PLUGINS_OUTPAINTER_SRC_CANVAS_H_

#include <ATen/ATen.h>

#include <cstdint>

namespace outpainter {

// A picture on a larger canvas, and which of the canvas's pixels it gives. All tensors are fp32.
struct Canvas {
  // [1, 3, H, W] in -1..1. What the picture does not give is filled smoothly from what it does.
  at::Tensor picture;
  // [1, 1, H, W]: 1 where the picture is known, 0 where it is to be painted.
  at::Tensor known;
};

struct CanvasSize {
  int64_t height = 0;
  int64_t width = 0;
};

// rgba: [1, 4, h, w] in 0..1. mask: the same sizes, white where the picture is to be painted anew;
// undefined: nowhere. Pixels that are less than half opaque are painted too. left, top: where the
// picture begins on the canvas, in pixels; -1: in the middle. Throws patchbay::Error where the
// picture does not fit, or nothing is known, or nothing is to be painted.
Canvas PlaceOnCanvas(const at::Tensor& rgba, const at::Tensor& mask, int64_t left, int64_t top,
                     CanvasSize size);

// known: [1, 1, H, W] of 0 and 1. [1, 1, H / cell, W / cell]: 1 where all pixels of a cell are.
at::Tensor KnownCells(const at::Tensor& known, int64_t cell);

// How much of the known picture is kept where it meets what was painted, [1, 1, H, W]: 0 outside of
// it, 1 from `feathering` pixels on inside, a smooth step between. The canvas's own border is no
// such place.
at::Tensor FeatheredKnown(const at::Tensor& known, int64_t feathering);

}  // namespace outpainter

#endif  // PATCHBAY_PLUGINS_OUTPAINTER_SRC_CANVAS_H_
