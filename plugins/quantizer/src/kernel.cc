#include "kernel.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "hadamard.h"

namespace quantizer {
namespace {

float Load(const void* values, Element element, int64_t index) {
  if (element == Element::kFloat) return static_cast<const float*>(values)[index];
  const uint32_t bits = static_cast<const uint16_t*>(values)[index];
  return std::bit_cast<float>(bits << 16);
}

void Store(void* values, Element element, int64_t index, float value) {
  if (element == Element::kFloat) {
    static_cast<float*>(values)[index] = value;
    return;
  }
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  // To nearest, half to even; a NaN stays one.
  const uint32_t rounded =
      std::isnan(value) ? (bits | 0x400000u) : bits + 0x7fffu + ((bits >> 16) & 1u);
  static_cast<uint16_t*>(values)[index] = static_cast<uint16_t>(rounded >> 16);
}

void AddProducts(const Tile& tile, int64_t row, int32_t* sums) {
  const int8_t* at = tile.weights;
  for (int64_t tap = 0; tap < tile.tap_count; ++tap) {
    const uint8_t* bytes = tile.rows[row] + tile.taps[tap];
    for (int64_t input = 0; input < tile.inputs; input += kGroup) {
      for (int64_t column = 0; column < kPanel; ++column) {
        for (int64_t k = 0; k < kGroup; ++k) sums[column] += bytes[input + k] * *at++;
      }
    }
  }
}

void Multiply(const Tile& tile) {
  for (int64_t row = 0; row < tile.row_count; ++row) {
    int32_t own[kPanel];
    int32_t* const sums = tile.sums == nullptr ? own : tile.sums + row * kPanel;
    if (tile.is_first) std::fill(sums, sums + kPanel, 0);
    AddProducts(tile, row, sums);
    if (!tile.is_last) continue;
    const ByteScale scale = tile.scale[row];
    for (int64_t column = 0; column < tile.columns; ++column) {
      const float sum = static_cast<float>(sums[column] - scale.zero * tile.weight_sum[column]);
      Store(tile.output, tile.element, row * tile.output_stride + column,
            sum * (scale.step * tile.weight_step[column]) + tile.bias[column]);
    }
  }
}

void Extend(const void* values, Element element, int64_t count, Range* range) {
  for (int64_t i = 0; i < count; ++i) {
    const float value = Load(values, element, i);
    if (std::isnan(value)) {
      range->low = range->high = std::numeric_limits<float>::quiet_NaN();
      return;
    }
    range->low = std::min(range->low, value);
    range->high = std::max(range->high, value);
  }
}

bool Quantize(const void* values, Element element, int64_t count, ByteScale scale, uint8_t* bytes) {
  const float inverse = scale.step > 0 ? 1.0f / scale.step : 0.0f;
  const float zero = static_cast<float>(scale.zero);
  for (int64_t i = 0; i < count; ++i) {
    const float value = Load(values, element, i);
    if (!std::isfinite(value)) return false;
    bytes[i] =
        static_cast<uint8_t>(std::clamp(std::nearbyint(value * inverse) + zero, 0.0f, 255.0f));
  }
  return true;
}

void Rotate(const void* values, Element element, int64_t count, float* rotated) {
  for (int64_t i = 0; i < count; ++i) rotated[i] = Load(values, element, i);
  for (int64_t i = 0; i < count; i += kRotation) RotateInPlace(rotated + i);
}

void Unpack(const uint8_t* packed, const uint8_t* scales, int64_t groups, int8_t* weights) {
  constexpr int64_t kHalf = kPanel * kGroup / 2;
  for (int64_t group = 0; group < groups; ++group) {
    for (int64_t i = 0; i < kHalf; ++i) {
      const int32_t low = (packed[i] & 15) - 8;
      const int32_t high = (packed[i] >> 4) - 8;
      weights[i] = static_cast<int8_t>(low * scales[i / kGroup]);
      weights[kHalf + i] = static_cast<int8_t>(high * scales[(kHalf + i) / kGroup]);
    }
    packed += kHalf;
    weights += 2 * kHalf;
  }
}

}  // namespace

const Kernel& PortableKernel() {
  static constexpr Kernel kKernel = {"portable code", &Multiply, &Extend,
                                     &Quantize,       &Rotate,   &Unpack};
  return kKernel;
}

const Kernel& BestKernel() {
  const Kernel* const vnni = VnniKernel();
  return vnni == nullptr ? PortableKernel() : *vnni;
}

#if !defined(PATCHBAY_QUANTIZER_VNNI)
const Kernel* VnniKernel() { return nullptr; }
#endif

}  // namespace quantizer
