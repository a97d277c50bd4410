#ifndef PATCHBAY_HOST_RUNTIME_SAMPLING_KEYED_NOISE_H_
#define PATCHBAY_HOST_RUNTIME_SAMPLING_KEYED_NOISE_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <string_view>

#include "absl/types/span.h"

namespace patchbay {

// Random numbers for plugins. They depend on a picture's seed, the step, who asks, and the asker's
// own count, and on nothing else: the same picture gets them in every batch and whatever else is
// drawn.
struct NoiseKey {
  int32_t step = 0;
  std::string_view plugin;
  uint64_t draw = 0;
};

// Standard normal, fp32, [seeds.size(), shape...]: a row for each seed.
at::Tensor KeyedNoise(absl::Span<const uint64_t> seeds, const NoiseKey& key, at::IntArrayRef shape);

// Uniform in [0, 1).
double KeyedUniform(uint64_t seed, const NoiseKey& key);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_SAMPLING_KEYED_NOISE_H_
