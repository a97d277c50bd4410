#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_KERNEL_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_KERNEL_H_

#include <cstdint>

// The innermost loops, once in portable code and once for each instruction set, chosen when the
// program runs. No LibTorch in here: its inline functions must not be compiled for a processor that
// the program may not be running on.

namespace quantizer {

// Outputs that are computed together: four registers of sixteen 32-bit sums.
inline constexpr int64_t kPanel = 64;
// Inputs that one instruction multiplies and adds for each sum.
inline constexpr int64_t kGroup = 4;
// Rows of the product that are computed together.
inline constexpr int64_t kTileRows = 6;
// Inputs that share a scale in 4-bit weights.
inline constexpr int64_t kScaleGroup = 64;
// Inputs that are rotated together where they are a multiple of it.
inline constexpr int64_t kRotation = 64;

enum class Element { kFloat, kBFloat16 };

// What bytes mean: number = (byte - zero) * step.
struct ByteScale {
  float step = 0;
  int32_t zero = 0;  // 0..255
};

// The least and the largest of some numbers and zero; NaN when one of them is.
struct Range {
  float low = 0;
  float high = 0;
};

// Up to kTileRows rows by one panel of outputs.
struct Tile {
  const uint8_t* rows[kTileRows];  // where each row's inputs begin; unused ones repeat a used one
  ByteScale scale[kTileRows];
  int64_t row_count;
  // From a row's beginning to each tap's inputs, in bytes.
  const int64_t* taps;
  int64_t tap_count;
  int64_t inputs;         // of each tap, a multiple of kGroup
  const int8_t* weights;  // [tap_count][inputs / kGroup][kPanel][kGroup]
  // [kTileRows][kPanel], where a product that is computed in parts leaves its sums; null for one
  // that is not.
  int32_t* sums;
  bool is_first;  // the sums begin at zero
  bool is_last;   // the sums become outputs
  // Of the panel's outputs.
  const float* weight_step;   // what one of the weights' integers means
  const int32_t* weight_sum;  // the sum of each output's integers over all taps
  const float* bias;
  int64_t columns;  // 1..kPanel
  void* output;     // where the tile's first output goes
  int64_t output_stride;
  Element element;
};

struct Kernel {
  // What people may read: "AVX-512 VNNI".
  const char* name;
  // output = (sum of bytes * weights - zero * weight_sum) * step * weight_step + bias.
  void (*multiply)(const Tile& tile);
  // Extends `range` by `count` elements.
  void (*extend)(const void* values, Element element, int64_t count, Range* range);
  // bytes = clamp(round(values / step) + zero, 0, 255), half to even; a step of 0 gives `zero`.
  // False when a value is not finite.
  bool (*quantize)(const void* values, Element element, int64_t count, ByteScale scale,
                   uint8_t* bytes);
  // To fp32, then each kRotation numbers by the regular Hadamard matrix of their number, which is
  // its own inverse (H = h x h x h with h = 1/2 [1 1 1 -1; 1 1 -1 1; 1 -1 1 1; -1 1 1 1]).
  void (*rotate)(const void* values, Element element, int64_t count, float* rotated);
  // Weights of 4 bits to bytes, kGroup inputs of a panel at a time, `groups` times: integers 0..15
  // stand for -8..7 and are multiplied by their output's scale. Byte i of the 128 of a group holds
  // value i in its low half and value i + 128 in its high one.
  void (*unpack)(const uint8_t* packed, const uint8_t* scales, int64_t groups, int8_t* weights);
};

// The fastest that this processor runs.
const Kernel& BestKernel();
// Any processor; tens of times slower.
const Kernel& PortableKernel();
// Null where the program was built without it or the processor lacks it.
const Kernel* VnniKernel();

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_KERNEL_H_
