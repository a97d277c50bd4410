#include "host/formats/element_type.h"

#include <iterator>

namespace patchbay {
namespace {

struct TypeFacts {
  ElementType type;
  std::string_view name;
  size_t size;
};

// In the order of the enumeration.
constexpr TypeFacts kTypes[] = {
    {ElementType::kFloat64, "F64", 8},        {ElementType::kFloat32, "F32", 4},
    {ElementType::kFloat16, "F16", 2},        {ElementType::kBFloat16, "BF16", 2},
    {ElementType::kFloat8E4M3, "F8_E4M3", 1}, {ElementType::kFloat8E5M2, "F8_E5M2", 1},
    {ElementType::kInt64, "I64", 8},          {ElementType::kInt32, "I32", 4},
    {ElementType::kInt16, "I16", 2},          {ElementType::kInt8, "I8", 1},
    {ElementType::kUInt64, "U64", 8},         {ElementType::kUInt32, "U32", 4},
    {ElementType::kUInt16, "U16", 2},         {ElementType::kUInt8, "U8", 1},
    {ElementType::kBool, "BOOL", 1},
};

constexpr bool InOrder() {
  for (size_t i = 0; i < std::size(kTypes); ++i) {
    if (static_cast<size_t>(kTypes[i].type) != i) return false;
  }
  return true;
}
static_assert(InOrder());

}  // namespace

size_t ElementSize(ElementType type) { return kTypes[static_cast<size_t>(type)].size; }

std::string_view ElementTypeName(ElementType type) {
  return kTypes[static_cast<size_t>(type)].name;
}

std::optional<ElementType> ParseElementType(std::string_view name) {
  for (const TypeFacts& facts : kTypes) {
    if (facts.name == name) return facts.type;
  }
  return std::nullopt;
}

}  // namespace patchbay
