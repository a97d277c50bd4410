#ifndef PATCHBAY_PLUGINS_CLIP_VISION_SRC_RESAMPLING_H_
#define PATCHBAY_PLUGINS_CLIP_VISION_SRC_RESAMPLING_H_

#include <ATen/ATen.h>

#include <cstdint>

namespace clip_vision {

enum class Filter { kBicubic, kLanczos };

struct PictureSize {
  int64_t height = 0;
  int64_t width = 0;
};

// A part of a picture.
struct Window {
  int64_t top = 0;
  int64_t left = 0;
  PictureSize size;
};

// Resizes 8-bit pixels [H, W, C] to `size` and returns what `window` shows of the result, [h, w,
// C]: bit by bit what Pillow's Image.resize() gives (src/libImaging/Resample.c), in which shrinking
// widens the filter (antialiasing), coefficients have 22 bits, and there are 8 bits between the
// horizontal and the vertical pass. Only what the window needs is computed.
at::Tensor Resize(const at::Tensor& pixels, PictureSize size, const Window& window, Filter filter);

// The whole of it.
at::Tensor Resize(const at::Tensor& pixels, PictureSize size, Filter filter);

}  // namespace clip_vision

#endif  // PATCHBAY_PLUGINS_CLIP_VISION_SRC_RESAMPLING_H_
