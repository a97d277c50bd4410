#ifndef PATCHBAY_BRIDGES_COMMON_FLOAT_PLANES_H_
#define PATCHBAY_BRIDGES_COMMON_FLOAT_PLANES_H_

#include <cstddef>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bridges/common/picture.h"

namespace patchbay {

// Numbers [B, C, H, W], row-major: latents, and pictures or masks while they are computed with.
struct FloatPlanes {
  int batch = 0, channels = 0, height = 0, width = 0;
  std::vector<float> values;

  size_t PlaneSize() const { return size_t(height) * size_t(width); }
  size_t ItemSize() const { return PlaneSize() * size_t(channels); }
  float* Plane(int item, int channel) {
    return values.data() + (size_t(item) * size_t(channels) + size_t(channel)) * PlaneSize();
  }
  const float* Plane(int item, int channel) const {
    return values.data() + (size_t(item) * size_t(channels) + size_t(channel)) * PlaneSize();
  }
  float& At(int item, int channel, int y, int x) {
    return Plane(item, channel)[size_t(y) * size_t(width) + size_t(x)];
  }
  float At(int item, int channel, int y, int x) const {
    return Plane(item, channel)[size_t(y) * size_t(width) + size_t(x)];
  }
};

// Of zeros. INVALID_ARGUMENT when a side is below 1 or there are more than 2^27 numbers.
absl::StatusOr<FloatPlanes> ZeroPlanes(int batch, int channels, int height, int width);

// The first `batch` of the items, which begin again when they are too few, as ComfyUI's
// repeat_to_batch_size. RESOURCE_EXHAUSTED when they become too many.
absl::StatusOr<FloatPlanes> RepeatedTo(const FloatPlanes& planes, int batch);

// What of it lies inside; sides of at least 1.
FloatPlanes CroppedPlanes(const FloatPlanes& planes, int x, int y, int width, int height);

// Pictures of one size and kind as numbers from 0 to 1, and back, rounded to 8 bits.
FloatPlanes PlanesOf(const std::vector<Picture>& pictures);
std::vector<Picture> PicturesOf(const FloatPlanes& planes);

}  // namespace patchbay

#endif  // PATCHBAY_BRIDGES_COMMON_FLOAT_PLANES_H_
