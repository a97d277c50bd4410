#include "host/formats/gguf_type.h"

#include <iterator>

#include "absl/strings/str_cat.h"

namespace patchbay {
namespace {

struct TypeFacts {
  GgufType type;
  uint32_t number;  // in files
  std::string_view name;
  size_t block_elements;
  size_t block_bytes;
  std::optional<ElementType> element;
};

// In the order of the enumeration. Bytes: a 16-bit scale (and, in _1 and _K, offset), the integers,
// and for 256 numbers their smaller scales.
constexpr TypeFacts kTypes[] = {
    {GgufType::kFloat32, 0, "F32", 1, 4, ElementType::kFloat32},
    {GgufType::kFloat16, 1, "F16", 1, 2, ElementType::kFloat16},
    {GgufType::kBFloat16, 30, "BF16", 1, 2, ElementType::kBFloat16},
    {GgufType::kFloat64, 28, "F64", 1, 8, ElementType::kFloat64},
    {GgufType::kInt8, 24, "I8", 1, 1, ElementType::kInt8},
    {GgufType::kInt16, 25, "I16", 1, 2, ElementType::kInt16},
    {GgufType::kInt32, 26, "I32", 1, 4, ElementType::kInt32},
    {GgufType::kInt64, 27, "I64", 1, 8, ElementType::kInt64},
    {GgufType::kQ4_0, 2, "Q4_0", 32, 2 + 16, std::nullopt},
    {GgufType::kQ4_1, 3, "Q4_1", 32, 2 + 2 + 16, std::nullopt},
    {GgufType::kQ5_0, 6, "Q5_0", 32, 2 + 4 + 16, std::nullopt},
    {GgufType::kQ5_1, 7, "Q5_1", 32, 2 + 2 + 4 + 16, std::nullopt},
    {GgufType::kQ8_0, 8, "Q8_0", 32, 2 + 32, std::nullopt},
    {GgufType::kQ4_K, 12, "Q4_K", 256, 2 + 2 + 12 + 128, std::nullopt},
    {GgufType::kQ5_K, 13, "Q5_K", 256, 2 + 2 + 12 + 32 + 128, std::nullopt},
    {GgufType::kQ6_K, 14, "Q6_K", 256, 128 + 64 + 16 + 2, std::nullopt},
};

constexpr bool InOrder() {
  for (size_t i = 0; i < std::size(kTypes); ++i) {
    if (static_cast<size_t>(kTypes[i].type) != i) return false;
  }
  return true;
}
static_assert(InOrder());

// Types that other programs know, by their number.
struct OtherType {
  uint32_t number;
  std::string_view name;
};

constexpr OtherType kOtherTypes[] = {
    {9, "Q8_1"},     {10, "Q2_K"},  {11, "Q3_K"},   {15, "Q8_K"},  {16, "IQ2_XXS"}, {17, "IQ2_XS"},
    {18, "IQ3_XXS"}, {19, "IQ1_S"}, {20, "IQ4_NL"}, {21, "IQ3_S"}, {22, "IQ2_S"},   {23, "IQ4_XS"},
    {29, "IQ1_M"},   {34, "TQ1_0"}, {35, "TQ2_0"},  {39, "MXFP4"},
};

const TypeFacts& FactsOf(GgufType type) { return kTypes[static_cast<size_t>(type)]; }

}  // namespace

std::optional<GgufType> GgufTypeOf(uint32_t number) {
  for (const TypeFacts& facts : kTypes) {
    if (facts.number == number) return facts.type;
  }
  return std::nullopt;
}

std::string GgufTypeText(uint32_t number) {
  if (const std::optional<GgufType> type = GgufTypeOf(number)) {
    return std::string(GgufTypeName(*type));
  }
  for (const OtherType& other : kOtherTypes) {
    if (other.number == number) return std::string(other.name);
  }
  return absl::StrCat("type ", number);
}

std::string_view GgufTypeName(GgufType type) { return FactsOf(type).name; }
size_t GgufBlockElements(GgufType type) { return FactsOf(type).block_elements; }
size_t GgufBlockBytes(GgufType type) { return FactsOf(type).block_bytes; }
std::optional<ElementType> GgufElementType(GgufType type) { return FactsOf(type).element; }

}  // namespace patchbay
