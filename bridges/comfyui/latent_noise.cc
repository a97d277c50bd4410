#include "bridges/comfyui/latent_noise.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>

namespace patchbay::comfyui {
namespace {

constexpr size_t kBlock = 16;  // numbers that PyTorch transforms together

// 24 bits of a number of the generator, in [0, 1).
float Uniform(std::mt19937& generator) {
  constexpr uint32_t kMask = (uint32_t{1} << 24) - 1;
  return static_cast<float>(generator() & kMask) / static_cast<float>(kMask + 1);
}

// Box-Muller: the first half of a block gives the lengths, the second the angles.
void Transform(float* block) {
  for (size_t i = 0; i < kBlock / 2; ++i) {
    const float length = std::sqrt(-2 * std::log(1 - block[i]));
    const float angle = 2 * std::numbers::pi_v<float> * block[i + kBlock / 2];
    block[i] = length * std::cos(angle);
    block[i + kBlock / 2] = length * std::sin(angle);
  }
}

// torch.randn of at least 16 numbers. A last part of fewer than 16 is drawn anew together with what
// stands before it.
std::vector<float> Normal(std::mt19937& generator, size_t count) {
  std::vector<float> values(count);
  for (float& value : values) value = Uniform(generator);
  for (size_t i = 0; i + kBlock <= count; i += kBlock) Transform(values.data() + i);
  if (count % kBlock == 0) return values;
  float* last = values.data() + count - kBlock;
  for (size_t i = 0; i < kBlock; ++i) last[i] = Uniform(generator);
  Transform(last);
  return values;
}

}  // namespace

FloatPlanes SeededNoise(uint64_t seed, const std::vector<int>& indices, const FloatPlanes& shape) {
  FloatPlanes noise = shape;
  // Fewer than 16 numbers are another path of PyTorch's; no latent that is drawn is so small.
  const size_t count = std::max(shape.ItemSize(), kBlock);
  std::mt19937 generator(static_cast<uint32_t>(seed));
  const int last = *std::max_element(indices.begin(), indices.end());
  for (int draw = 0; draw <= last; ++draw) {
    const std::vector<float> values = Normal(generator, count);
    for (int item = 0; item < noise.batch; ++item) {
      if (indices[static_cast<size_t>(item)] != draw) continue;
      std::copy_n(values.begin(), noise.ItemSize(), noise.Plane(item, 0));
    }
  }
  return noise;
}

bool IsPlainNoise(const std::vector<int>& indices, const FloatPlanes& shape) {
  for (size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] != static_cast<int>(i)) return false;
  }
  return shape.ItemSize() % kBlock == 0;
}

}  // namespace patchbay::comfyui
