#ifndef PATCHBAY_PLUGINS_HIDIFFUSION_SRC_WINDOWS_H_
#define PATCHBAY_PLUGINS_HIDIFFUSION_SRC_WINDOWS_H_

#include <ATen/ATen.h>

#include <cstdint>

namespace hidiffusion {

// Modified shifted-window self-attention (arXiv:2311.17528): attention within four
// windows, each a quarter of the feature map, that are moved cyclically by a multiple of a quarter
// window.

struct Grid {
  int64_t height = 0;
  int64_t width = 0;
};

// tokens: [B, height * width, C] row by row; shift: 0..3. Returns [4 B, h * w, C] with h and w half
// of the grid's sides, rounded up; a grid with an odd side is resized first (bicubic).
at::Tensor ToWindows(const at::Tensor& tokens, Grid grid, int64_t shift);

// The way back: [4 B, h * w, C] to [B, height * width, C].
at::Tensor FromWindows(const at::Tensor& windows, Grid grid, int64_t shift);

}  // namespace hidiffusion

#endif  // PATCHBAY_PLUGINS_HIDIFFUSION_SRC_WINDOWS_H_
