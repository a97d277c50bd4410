#ifndef PATCHBAY_BRIDGES_WEBUI_SEED_NOISE_H_
#define PATCHBAY_BRIDGES_WEBUI_SEED_NOISE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "bridges/common/float_planes.h"

namespace patchbay::webui {

// What one picture's first noise is made from.
struct NoiseSeed {
  uint64_t seed = 0;
  uint64_t subseed = 0;  // of the noise that is mixed in
  double strength = 0;   // 0: of `seed` alone, 1: of `subseed` alone
  // The size in latent pixels whose noise stands in the middle; 0: the picture's own.
  int resized_from_width = 0, resized_from_height = 0;

  // Whether it is other noise than the host draws for `seed` by itself.
  bool IsChanged() const {
    return strength != 0 || (resized_from_width > 0 && resized_from_height > 0);
  }
};

// Unit-variance noise [1, channels, height, width] as A1111 makes it for a picture's start, with
// numbers as an NVIDIA GPU draws them (modules/rng.py: ImageRNG.first(), slerp();
// modules/rng_philox.py). INVALID_ARGUMENT when there are too many numbers.
absl::StatusOr<FloatPlanes> FirstNoise(const NoiseSeed& seed, int channels, int height, int width);

}  // namespace patchbay::webui

#endif  // PATCHBAY_BRIDGES_WEBUI_SEED_NOISE_H_
