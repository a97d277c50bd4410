#ifndef PATCHBAY_PLUGINS_MULTIDIFFUSION_SRC_TILING_H_
#define PATCHBAY_PLUGINS_MULTIDIFFUSION_SRC_TILING_H_

#include <cstdint>
#include <vector>

namespace multidiffusion {

// All lengths here are latent pixels.

// The crops F_i of the canvas that MultiDiffusion (arXiv:2302.08113, section 4) evaluates, and how
// they are laid over it.
struct Tiling {
  int64_t window = 64;  // side of a window
  int64_t stride = 8;   // from one window to the next; at most `window`
  bool wraps = false;   // the canvas's left side follows its right one
};

struct Size {
  int64_t height = 0;
  int64_t width = 0;
};

// A crop. With a tiling that wraps, left + width may be beyond the canvas: the rest is at its left.
struct Window {
  int64_t top = 0;
  int64_t left = 0;
  int64_t height = 0;
  int64_t width = 0;
  friend bool operator==(const Window&, const Window&) = default;
};

// Where windows begin along a side: every `stride`, and a last one that ends where the side does.
// {0} for a side that one window covers.
std::vector<int64_t> StartsAlong(int64_t length, int64_t window, int64_t stride);

// Around a side without ends: at equal distances, of which none is above `stride`; two at least.
std::vector<int64_t> StartsAround(int64_t length, int64_t stride);

// How many windows WindowsOver() gives.
int64_t CountWindows(const Tiling& tiling, Size canvas);

// Row by row. Windows are as large as the tiling's, or as the canvas where that is smaller; every
// pixel of the canvas is in one at least.
std::vector<Window> WindowsOver(const Tiling& tiling, Size canvas);

}  // namespace multidiffusion

#endif  // PATCHBAY_PLUGINS_MULTIDIFFUSION_SRC_TILING_H_
