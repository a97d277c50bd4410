#include "tiling.h"

#include <algorithm>

namespace multidiffusion {
namespace {

int64_t DividedUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

int64_t CountAlong(int64_t length, int64_t window, int64_t stride) {
  return length <= window ? 1 : DividedUp(length - window, stride) + 1;
}

// With one alone, nothing would cross the seam.
int64_t CountAround(int64_t length, int64_t stride) {
  return std::max<int64_t>(DividedUp(length, stride), 2);
}

}  // namespace

std::vector<int64_t> StartsAlong(int64_t length, int64_t window, int64_t stride) {
  std::vector<int64_t> starts;
  const int64_t last = std::max<int64_t>(length - window, 0);
  for (int64_t i = 0; i < CountAlong(length, window, stride); ++i) {
    starts.push_back(std::min(i * stride, last));
  }
  return starts;
}

std::vector<int64_t> StartsAround(int64_t length, int64_t stride) {
  std::vector<int64_t> starts;
  const int64_t count = CountAround(length, stride);
  for (int64_t i = 0; i < count; ++i) starts.push_back(i * length / count);
  return starts;
}

int64_t CountWindows(const Tiling& tiling, Size canvas) {
  const int64_t rows = CountAlong(canvas.height, tiling.window, tiling.stride);
  return rows * (tiling.wraps ? CountAround(canvas.width, tiling.stride)
                              : CountAlong(canvas.width, tiling.window, tiling.stride));
}

std::vector<Window> WindowsOver(const Tiling& tiling, Size canvas) {
  const std::vector<int64_t> lefts = tiling.wraps
                                         ? StartsAround(canvas.width, tiling.stride)
                                         : StartsAlong(canvas.width, tiling.window, tiling.stride);
  std::vector<Window> windows;
  for (const int64_t top : StartsAlong(canvas.height, tiling.window, tiling.stride)) {
    for (const int64_t left : lefts) {
      windows.push_back({top, left, std::min(tiling.window, canvas.height),
                         std::min(tiling.window, canvas.width)});
    }
  }
  return windows;
}

}  // namespace multidiffusion
