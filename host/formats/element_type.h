#ifndef PATCHBAY_HOST_FORMATS_ELEMENT_TYPE_H_
#define PATCHBAY_HOST_FORMATS_ELEMENT_TYPE_H_

#include <cstddef>
#include <optional>
#include <string_view>

namespace patchbay {

// The element types of the safetensors format.
enum class ElementType {
  kFloat64,
  kFloat32,
  kFloat16,
  kBFloat16,
  kFloat8E4M3,
  kFloat8E5M2,
  kInt64,
  kInt32,
  kInt16,
  kInt8,
  kUInt64,
  kUInt32,
  kUInt16,
  kUInt8,
  kBool,
};

// Bytes of one element.
size_t ElementSize(ElementType type);
// As written in files: "BF16", "F8_E4M3".
std::string_view ElementTypeName(ElementType type);
// The other way round; nothing for an unknown name.
std::optional<ElementType> ParseElementType(std::string_view name);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_ELEMENT_TYPE_H_
