#include "host/runtime/sampling/philox.h"

#include <array>
#include <cmath>

namespace patchbay {
namespace {

using Words = std::array<uint32_t, 4>;

Words Philox4x32(Words counter, uint64_t seed) {
  constexpr int kRounds = 10;
  constexpr uint64_t kMultiplier0 = 0xD2511F53;
  constexpr uint64_t kMultiplier1 = 0xCD9E8D57;
  constexpr uint32_t kWeyl0 = 0x9E3779B9;
  constexpr uint32_t kWeyl1 = 0xBB67AE85;
  auto key0 = static_cast<uint32_t>(seed);
  auto key1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t product0 = kMultiplier0 * counter[0];
    const uint64_t product1 = kMultiplier1 * counter[2];
    counter = {
        static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key0, static_cast<uint32_t>(product1),
        static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key1, static_cast<uint32_t>(product0)};
    key0 += kWeyl0;
    key1 += kWeyl1;
  }
  return counter;
}

// curand_normal's first value: the uniforms lie in the middle of 2^32 cells.
float NormalFrom(uint32_t radius, uint32_t angle) {
  constexpr float kCell = 2.3283064e-10f;        // 2^-32
  constexpr float kAngleCell = 1.46291807e-09f;  // 2^-32 * 2 pi
  const float u = static_cast<float>(radius) * kCell + kCell / 2;
  const float v = static_cast<float>(angle) * kAngleCell + kAngleCell / 2;
  return std::sqrt(-2.0f * std::log(u)) * std::sin(v);
}

}  // namespace

at::Tensor PhiloxGenerator::Draw(at::IntArrayRef shape) {
  at::Tensor numbers = at::empty(shape, at::kFloat);
  auto* values = numbers.data_ptr<float>();
  const int64_t count = numbers.numel();
  for (int64_t i = 0; i < count; ++i) {
    const Words words = Philox4x32({draws_, 0, static_cast<uint32_t>(i), 0}, seed_);
    values[i] = NormalFrom(words[0], words[1]);
  }
  ++draws_;
  return numbers;
}

}  // namespace patchbay
