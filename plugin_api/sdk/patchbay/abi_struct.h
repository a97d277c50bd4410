#ifndef PATCHBAY_SDK_ABI_STRUCT_H_
#define PATCHBAY_SDK_ABI_STRUCT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "patchbay/abi/plugin.h"

// How structs are read that the other side may have made by another minor version of the ABI.

namespace patchbay::sdk {

// What both sides know of a struct; what only this side knows is zero.
template <class Struct>
Struct copy_prefix(const Struct& given) {
  Struct copy{};
  std::memcpy(&copy, &given, std::min<size_t>(sizeof(Struct), given.struct_size));
  return copy;
}

// One element of an array that the other side has made.
template <class Struct>
Struct element(const Struct* array, uint32_t index) {
  const auto* bytes = reinterpret_cast<const char*>(array) + size_t{array->struct_size} * index;
  return copy_prefix(*reinterpret_cast<const Struct*>(bytes));
}

// The size in ABI 1.0 of the structs that plugins hand out. A smaller one is damaged; one between
// this and today's sizeof comes from a plugin that was built for an earlier minor version.
template <class Struct>
inline constexpr size_t kSmallestSize = 0;
template <>
inline constexpr size_t kSmallestSize<patchbay_entry> = 40;
template <>
inline constexpr size_t kSmallestSize<patchbay_plugin_functions> = 48;
template <>
inline constexpr size_t kSmallestSize<patchbay_descriptor> = 168;
template <>
inline constexpr size_t kSmallestSize<patchbay_field> = 128;
template <>
inline constexpr size_t kSmallestSize<patchbay_choice> = 24;
template <>
inline constexpr size_t kSmallestSize<patchbay_action> = 48;

}  // namespace patchbay::sdk

#endif  // PATCHBAY_SDK_ABI_STRUCT_H_
