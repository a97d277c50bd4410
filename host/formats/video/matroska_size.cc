#include "host/formats/video/matroska_size.h"

#include <bit>

namespace patchbay {
namespace {

constexpr uint64_t kHeaderId = 0x1A45DFA3;
constexpr uint64_t kSegmentId = 0x18538067;

struct Number {
  uint64_t value = 0;
  size_t bytes = 0;
  bool is_unknown = false;  // all bits of the value are 1
};

// A variable-size integer. with_marker: as ids are written.
std::optional<Number> ReadNumber(absl::Span<const std::byte> bytes, size_t at, bool with_marker) {
  if (at >= bytes.size()) return std::nullopt;
  const auto first = static_cast<uint8_t>(bytes[at]);
  const auto length = static_cast<size_t>(std::countl_zero(first)) + 1;
  if (length > 8 || at + length > bytes.size()) return std::nullopt;
  const auto marker = static_cast<uint8_t>(0x80U >> (length - 1));
  Number number{with_marker ? first : static_cast<uint64_t>(first & (marker - 1U)), length, false};
  for (size_t i = 1; i < length; ++i) {
    number.value = number.value << 8 | static_cast<uint8_t>(bytes[at + i]);
  }
  number.is_unknown = number.value == (uint64_t{1} << (7 * length)) - 1;
  return number;
}

}  // namespace

std::optional<uint64_t> SizeOfMatroska(absl::Span<const std::byte> start) {
  size_t at = 0;
  for (const uint64_t wanted : {kHeaderId, kSegmentId}) {
    const auto id = ReadNumber(start, at, /*with_marker=*/true);
    if (!id.has_value() || id->value != wanted) return std::nullopt;
    const auto size = ReadNumber(start, at + id->bytes, /*with_marker=*/false);
    if (!size.has_value() || size->is_unknown) return std::nullopt;
    at += id->bytes + size->bytes;
    if (wanted == kSegmentId) return at + size->value;
    if (size->value > start.size()) return std::nullopt;
    at += size->value;
  }
  return std::nullopt;
}

}  // namespace patchbay
