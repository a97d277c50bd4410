#ifndef PATCHBAY_HOST_BASE_CHECKED_MATH_H_
#define PATCHBAY_HOST_BASE_CHECKED_MATH_H_

#include <cstdint>
#include <optional>

namespace patchbay {

// Sizes that come from files and requests are multiplied and added with these, so that an overflow
// is an error instead of a small buffer.
inline std::optional<uint64_t> CheckedMultiply(uint64_t a, uint64_t b) {
  uint64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

inline std::optional<uint64_t> CheckedAdd(uint64_t a, uint64_t b) {
  uint64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

}  // namespace patchbay

#endif  // PATCHBAY_HOST_BASE_CHECKED_MATH_H_
