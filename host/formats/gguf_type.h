#ifndef PATCHBAY_HOST_FORMATS_GGUF_TYPE_H_
#define PATCHBAY_HOST_FORMATS_GGUF_TYPE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "host/formats/element_type.h"

namespace patchbay {

// The element types of the GGUF format that this program reads. The quantized ones store blocks of
// numbers that share their scales (and offsets): 32 numbers a block, or 256 where the name ends in
// K. Layouts: https://github.com/ggml-org/ggml, src/ggml-common.h.
enum class GgufType {
  kFloat32,
  kFloat16,
  kBFloat16,
  kFloat64,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ4_K,
  kQ5_K,
  kQ6_K,
};

// The type of this number in a file; nothing for one that is not read.
std::optional<GgufType> GgufTypeOf(uint32_t number);
// How messages call a type by its number in a file: "Q2_K", or "type 77" for one that nobody knows.
std::string GgufTypeText(uint32_t number);

// As GGUF's own programs write it: "Q4_K".
std::string_view GgufTypeName(GgufType type);
// Numbers of one block; 1 for a type that is not quantized.
size_t GgufBlockElements(GgufType type);
// Bytes of one block.
size_t GgufBlockBytes(GgufType type);
// What the numbers are where they stand for themselves; nothing for a quantized type.
std::optional<ElementType> GgufElementType(GgufType type);

// Computes the numbers of whole blocks of a quantized type, in fp32 and in this order of
// operations: scale times integer, less the offset where the type has one. Writes
// GgufBlockElements() numbers for each of the blocks; `blocks` holds nothing but whole ones.
void DequantizeGguf(GgufType type, absl::Span<const std::byte> blocks, float* values);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_GGUF_TYPE_H_
