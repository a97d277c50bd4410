// The blocks of GGUF's quantized types, written from the layouts in ggml-common.h. In each, the
// low halves of a row of bytes are the earlier numbers and the high halves the later ones.

#include <bit>
#include <cstdlib>

#include "host/formats/gguf_type.h"

namespace patchbay {
namespace {

constexpr size_t kSmallBlock = 32;

// IEEE 754 binary16, little-endian.
float HalfAt(const uint8_t* bytes) {
  const uint32_t half = static_cast<uint32_t>(bytes[0]) | static_cast<uint32_t>(bytes[1]) << 8;
  const uint32_t sign = (half & 0x8000) << 16;
  const uint32_t exponent = (half >> 10) & 0x1f;
  const uint32_t mantissa = half & 0x3ff;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return sign == 0 ? magnitude : -magnitude;
  }
  const uint32_t wide = exponent == 0x1f ? 0xff : exponent + (127 - 15);
  return std::bit_cast<float>(sign | wide << 23 | mantissa << 13);
}

// The lower four bits of number i of 32 that lie in 16 bytes.
int Nibble(const uint8_t* packed, size_t i) {
  return i < kSmallBlock / 2 ? packed[i] & 0xf : packed[i - kSmallBlock / 2] >> 4;
}

// The fifth bit of number i of 32.
int FifthBit(const uint8_t* bits, size_t i) { return ((bits[i / 8] >> (i % 8)) & 1) << 4; }

void DequantizeQ4_0(const uint8_t* block, float* values) {
  const float scale = HalfAt(block);
  for (size_t i = 0; i < kSmallBlock; ++i) {
    values[i] = scale * static_cast<float>(Nibble(block + 2, i) - 8);
  }
}

void DequantizeQ4_1(const uint8_t* block, float* values) {
  const float scale = HalfAt(block);
  const float least = HalfAt(block + 2);
  for (size_t i = 0; i < kSmallBlock; ++i) {
    values[i] = scale * static_cast<float>(Nibble(block + 4, i)) + least;
  }
}

void DequantizeQ5_0(const uint8_t* block, float* values) {
  const float scale = HalfAt(block);
  for (size_t i = 0; i < kSmallBlock; ++i) {
    const int number = Nibble(block + 6, i) | FifthBit(block + 2, i);
    values[i] = scale * static_cast<float>(number - 16);
  }
}

void DequantizeQ5_1(const uint8_t* block, float* values) {
  const float scale = HalfAt(block);
  const float least = HalfAt(block + 2);
  for (size_t i = 0; i < kSmallBlock; ++i) {
    const int number = Nibble(block + 8, i) | FifthBit(block + 4, i);
    values[i] = scale * static_cast<float>(number) + least;
  }
}

void DequantizeQ8_0(const uint8_t* block, float* values) {
  const float scale = HalfAt(block);
  for (size_t i = 0; i < kSmallBlock; ++i) {
    values[i] = scale * static_cast<float>(static_cast<int8_t>(block[2 + i]));
  }
}

// What the eight groups of 32 numbers in a block of Q4_K or Q5_K are multiplied with and lessened
// by.
struct GroupScale {
  float scale;
  float least;
};

// Eight scales and eight offsets of 6 bits each, in 12 bytes: the first four of both lie in the
// lower bits of bytes 0 to 7, whose upper two bits complete the others' halves in bytes 8 to 11.
GroupScale GroupScaleOf(const uint8_t* block, size_t group) {
  const uint8_t* packed = block + 4;
  int scale = 0;
  int least = 0;
  if (group < 4) {
    scale = packed[group] & 0x3f;
    least = packed[group + 4] & 0x3f;
  } else {
    scale = (packed[group + 4] & 0xf) | (packed[group - 4] >> 6) << 4;
    least = (packed[group + 4] >> 4) | (packed[group] >> 6) << 4;
  }
  return {HalfAt(block) * static_cast<float>(scale), HalfAt(block + 2) * static_cast<float>(least)};
}

// A pair of groups shares 32 bytes: the first has their low halves, the second the high ones.
void DequantizeQ4_K(const uint8_t* block, float* values) {
  const uint8_t* packed = block + 16;
  for (size_t group = 0; group < 8; ++group) {
    const GroupScale by = GroupScaleOf(block, group);
    const int shift = group % 2 == 0 ? 0 : 4;
    for (size_t i = 0; i < 32; ++i) {
      const int number = (packed[group / 2 * 32 + i] >> shift) & 0xf;
      *values++ = by.scale * static_cast<float>(number) - by.least;
    }
  }
}

// As Q4_K; bit g of byte i of the 32 before the halves is the fifth of number i of group g.
void DequantizeQ5_K(const uint8_t* block, float* values) {
  const uint8_t* fifth = block + 16;
  const uint8_t* packed = fifth + 32;
  for (size_t group = 0; group < 8; ++group) {
    const GroupScale by = GroupScaleOf(block, group);
    const int shift = group % 2 == 0 ? 0 : 4;
    for (size_t i = 0; i < 32; ++i) {
      const int low = (packed[group / 2 * 32 + i] >> shift) & 0xf;
      const int number = low | ((fifth[i] >> group) & 1) << 4;
      *values++ = by.scale * static_cast<float>(number) - by.least;
    }
  }
}

// Two halves of 128 numbers, each four rows of 32: rows 0 and 1 have the low halves of 64 bytes,
// rows 2 and 3 the high ones; 32 more bytes have the upper two bits of all four. A signed scale for
// each 16 numbers.
void DequantizeQ6_K(const uint8_t* block, float* values) {
  const uint8_t* scales = block + 128 + 64;
  const float scale = HalfAt(scales + 16);
  for (size_t half = 0; half < 2; ++half) {
    const uint8_t* low = block + half * 64;
    const uint8_t* high = block + 128 + half * 32;
    for (size_t row = 0; row < 4; ++row) {
      for (size_t i = 0; i < 32; ++i) {
        const int low_bits = (low[row % 2 * 32 + i] >> (row < 2 ? 0 : 4)) & 0xf;
        const int number = (low_bits | ((high[i] >> (2 * row)) & 3) << 4) - 32;
        const auto factor = static_cast<int8_t>(scales[half * 8 + row * 2 + i / 16]);
        *values++ = scale * static_cast<float>(factor) * static_cast<float>(number);
      }
    }
  }
}

using Dequantizer = void (*)(const uint8_t* block, float* values);

Dequantizer DequantizerOf(GgufType type) {
  switch (type) {
    case GgufType::kQ4_0:
      return DequantizeQ4_0;
    case GgufType::kQ4_1:
      return DequantizeQ4_1;
    case GgufType::kQ5_0:
      return DequantizeQ5_0;
    case GgufType::kQ5_1:
      return DequantizeQ5_1;
    case GgufType::kQ8_0:
      return DequantizeQ8_0;
    case GgufType::kQ4_K:
      return DequantizeQ4_K;
    case GgufType::kQ5_K:
      return DequantizeQ5_K;
    case GgufType::kQ6_K:
      return DequantizeQ6_K;
    default:
      break;
  }
  std::abort();  // not a quantized type: the caller's mistake, not the file's
}

}  // namespace

void DequantizeGguf(GgufType type, absl::Span<const std::byte> blocks, float* values) {
  const Dequantizer dequantize = DequantizerOf(type);
  const auto* bytes = reinterpret_cast<const uint8_t*>(blocks.data());
  const size_t count = blocks.size() / GgufBlockBytes(type);
  for (size_t i = 0; i < count; ++i) {
    dequantize(bytes + i * GgufBlockBytes(type), values + i * GgufBlockElements(type));
  }
}

}  // namespace patchbay
