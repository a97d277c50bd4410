#include "bridges/webui/seed_noise.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "bridges/common/status_macros.h"

namespace patchbay::webui {
namespace {

using Words = std::array<uint32_t, 4>;

// From here on both noises count as the same.
constexpr double kSameDirection = 0.9995;

// Philox4x32-10 (Salmon et al., SC 2011, section 4.3). The host has it too; a bridge may be of
// another version than the host and shares none of its code.
Words Philox(Words counter, uint64_t seed) {
  constexpr int kRounds = 10;
  constexpr uint64_t kMultiplier0 = 0xD2511F53;
  constexpr uint64_t kMultiplier1 = 0xCD9E8D57;
  constexpr uint32_t kWeyl0 = 0x9E3779B9;
  constexpr uint32_t kWeyl1 = 0xBB67AE85;
  auto key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
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

// cuRAND's Box-Muller transform of the middles of 2^32 cells.
float Normal(const Words& words) {
  constexpr float kCell = 2.3283064e-10f;        // 2^-32
  constexpr float kAngleCell = 1.46291807e-09f;  // 2^-32 * 2 pi
  const float u = static_cast<float>(words[0]) * kCell + kCell / 2;
  const float v = static_cast<float>(words[1]) * kAngleCell + kAngleCell / 2;
  return std::sqrt(-2.0f * std::log(u)) * std::sin(v);
}

// A generator's first numbers.
absl::StatusOr<FloatPlanes> Drawn(uint64_t seed, int channels, int height, int width) {
  BRIDGE_ASSIGN_OR_RETURN(FloatPlanes noise, ZeroPlanes(1, channels, height, width));
  for (size_t i = 0; i < noise.values.size(); ++i) {
    noise.values[i] = Normal(Philox({0, 0, static_cast<uint32_t>(i), 0}, seed));
  }
  return noise;
}

// The columns of all planes: A1111 takes norms and angles along the second of [C, H, W].
struct Column {
  float* low;
  const float* high;
  int size;
  size_t stride;

  double Norm(const float* values) const {
    double sum = 0;
    for (int y = 0; y < size; ++y) sum += double(values[y * stride]) * values[y * stride];
    return std::sqrt(sum);
  }
  double Cosine() const {
    double sum = 0;
    for (int y = 0; y < size; ++y) sum += double(low[y * stride]) * high[y * stride];
    return sum / (Norm(low) * Norm(high));
  }
  void Mix(double of_low, double of_high) const {
    for (int y = 0; y < size; ++y) {
      low[y * stride] = static_cast<float>(of_low * low[y * stride] + of_high * high[y * stride]);
    }
  }
};

void MixInto(FloatPlanes& low, const FloatPlanes& high, double amount) {
  std::vector<Column> columns;
  std::vector<double> cosines;
  double sum = 0;
  for (int c = 0; c < low.channels; ++c) {
    for (int x = 0; x < low.width; ++x) {
      columns.push_back({low.Plane(0, c) + x, high.Plane(0, c) + x, low.height, size_t(low.width)});
      cosines.push_back(columns.back().Cosine());
      sum += cosines.back();
    }
  }
  const bool same = sum / static_cast<double>(cosines.size()) > kSameDirection;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (same) {
      columns[i].Mix(amount, 1 - amount);
      continue;
    }
    const double angle = std::acos(std::clamp(cosines[i], -1.0, 1.0));
    const double sine = std::sin(angle);
    columns[i].Mix(std::sin((1 - amount) * angle) / sine, std::sin(amount * angle) / sine);
  }
}

// Python's division, which rounds down.
int Half(int value) { return value >= 0 ? value / 2 : -((1 - value) / 2); }

// `from` in the middle of `to`, or the middle of `from` in `to`.
void PutInMiddle(const FloatPlanes& from, FloatPlanes& to) {
  const int dx = Half(to.width - from.width), dy = Half(to.height - from.height);
  const int width = dx >= 0 ? from.width : from.width + 2 * dx;
  const int height = dy >= 0 ? from.height : from.height + 2 * dy;
  for (int c = 0; c < to.channels; ++c) {
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        to.At(0, c, std::max(dy, 0) + y, std::max(dx, 0) + x) =
            from.At(0, c, std::max(-dy, 0) + y, std::max(-dx, 0) + x);
      }
    }
  }
}

}  // namespace

absl::StatusOr<FloatPlanes> FirstNoise(const NoiseSeed& seed, int channels, int height, int width) {
  const bool resized = seed.resized_from_width > 0 && seed.resized_from_height > 0;
  const int own_height = resized ? seed.resized_from_height : height;
  const int own_width = resized ? seed.resized_from_width : width;
  BRIDGE_ASSIGN_OR_RETURN(FloatPlanes noise, Drawn(seed.seed, channels, own_height, own_width));
  if (seed.strength != 0) {
    BRIDGE_ASSIGN_OR_RETURN(const FloatPlanes other,
                            Drawn(seed.subseed, channels, own_height, own_width));
    MixInto(noise, other, seed.strength);
  }
  if (own_height == height && own_width == width) return noise;
  BRIDGE_ASSIGN_OR_RETURN(FloatPlanes whole, Drawn(seed.seed, channels, height, width));
  PutInMiddle(noise, whole);
  return whole;
}

}  // namespace patchbay::webui
