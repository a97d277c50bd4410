#ifndef PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_FRAME_WINDOWS_H_
#define PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_FRAME_WINDOWS_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace animatediff {

// How much the frames of a window count where windows overlap.
enum class WindowWeighting {
  kUniform,    // all alike (Be-Your-Outpainter)
  kTriangular  // those in the middle most
};

// Where windows over a clip begin: every `stride` frames, and one that ends with the clip, so that
// every frame is in one at least. {0} for a clip that one window covers. All numbers are positive.
std::vector<int64_t> WindowStarts(int64_t frames, int64_t window, int64_t stride);

// [window, 1, 1, 1], positive.
at::Tensor WindowWeights(WindowWeighting weighting, int64_t window);

}  // namespace animatediff

#endif  // PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_FRAME_WINDOWS_H_
