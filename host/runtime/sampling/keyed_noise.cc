#include "host/runtime/sampling/keyed_noise.h"

#include <vector>

#include "host/runtime/sampling/philox.h"

namespace patchbay {
namespace {

// The output function of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014, figure 17): spreads each
// bit of the input over the whole result.
uint64_t Mixed(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

uint64_t KeyedSeed(uint64_t seed, const NoiseKey& key) {
  constexpr uint64_t kGamma = 0x9e3779b97f4a7c15u;
  uint64_t state = Mixed(seed + kGamma);
  const auto add = [&state](uint64_t part) { state = Mixed((state ^ part) + kGamma); };
  add(static_cast<uint64_t>(key.step));
  for (const char character : key.plugin) add(static_cast<unsigned char>(character));
  add(key.draw);
  return state;
}

}  // namespace

at::Tensor KeyedNoise(absl::Span<const uint64_t> seeds, const NoiseKey& key,
                      at::IntArrayRef shape) {
  std::vector<at::Tensor> rows;
  for (const uint64_t seed : seeds)
    rows.push_back(PhiloxGenerator(KeyedSeed(seed, key)).Draw(shape));
  return at::stack(rows);
}

double KeyedUniform(uint64_t seed, const NoiseKey& key) {
  return static_cast<double>(KeyedSeed(seed, key) >> 11) * 0x1.0p-53;
}

}  // namespace patchbay
