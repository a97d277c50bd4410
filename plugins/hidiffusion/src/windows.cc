#include "windows.h"

namespace hidiffusion {
namespace {

struct WindowLayout {
  WindowLayout(Grid grid, int64_t shift)
      : height((grid.height + 1) / 2),
        width((grid.width + 1) / 2),
        is_resized(grid.height % 2 != 0 || grid.width % 2 != 0),
        shift_down(height / 4 * shift),
        shift_right(width / 4 * shift) {}

  int64_t height;  // of a window
  int64_t width;
  bool is_resized;
  int64_t shift_down;
  int64_t shift_right;
};

// x: [B, H, W, C]
at::Tensor Resized(const at::Tensor& x, int64_t height, int64_t width) {
  return at::upsample_bicubic2d(x.permute({0, 3, 1, 2}), {height, width}, /*align_corners=*/false)
      .permute({0, 2, 3, 1});
}

// The published code moves nothing at all unless it moves down, also where it would move sideways.
at::Tensor Rolled(const at::Tensor& x, int64_t down, int64_t right) {
  return down == 0 ? x : x.roll({down, right}, {1, 2});
}

}  // namespace

at::Tensor ToWindows(const at::Tensor& tokens, Grid grid, int64_t shift) {
  const WindowLayout layout(grid, shift);
  const int64_t batch = tokens.size(0);
  const int64_t channels = tokens.size(2);
  at::Tensor x = tokens.view({batch, grid.height, grid.width, channels});
  if (layout.is_resized) x = Resized(x, 2 * layout.height, 2 * layout.width);
  x = Rolled(x, -layout.shift_down, -layout.shift_right);
  return x.reshape({batch, 2, layout.height, 2, layout.width, channels})
      .permute({0, 1, 3, 2, 4, 5})
      .reshape({4 * batch, layout.height * layout.width, channels});
}

at::Tensor FromWindows(const at::Tensor& windows, Grid grid, int64_t shift) {
  const WindowLayout layout(grid, shift);
  const int64_t batch = windows.size(0) / 4;
  const int64_t channels = windows.size(2);
  at::Tensor x = windows.view({batch, 2, 2, layout.height, layout.width, channels})
                     .permute({0, 1, 3, 2, 4, 5})
                     .reshape({batch, 2 * layout.height, 2 * layout.width, channels});
  x = Rolled(x, layout.shift_down, layout.shift_right);
  if (layout.is_resized) x = Resized(x, grid.height, grid.width);
  return x.reshape({batch, grid.height * grid.width, channels});
}

}  // namespace hidiffusion
