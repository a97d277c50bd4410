#include "bridges/common/utf_text.h"

#include <utf8proc.h>

#include <cstdint>
#include <functional>

namespace patchbay {
namespace {

constexpr int32_t kReplacement = 0xfffd;

void ForEachCodePoint(std::string_view text, const std::function<void(int32_t)>& take) {
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  auto left = static_cast<utf8proc_ssize_t>(text.size());
  while (left > 0) {
    int32_t code_point = 0;
    const utf8proc_ssize_t used = utf8proc_iterate(bytes, left, &code_point);
    take(used > 0 ? code_point : kReplacement);
    bytes += used > 0 ? used : 1;
    left -= used > 0 ? used : 1;
  }
}

void AppendUtf8(int32_t code_point, std::string& text) {
  utf8proc_uint8_t bytes[4];
  const utf8proc_ssize_t count = utf8proc_encode_char(code_point, bytes);
  text.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(count));
}

}  // namespace

std::optional<std::string> Latin1FromUtf8(std::string_view text) {
  std::string latin;
  bool fits = true;
  ForEachCodePoint(text, [&](int32_t code_point) {
    fits &= code_point > 0 && code_point < 256;
    latin += static_cast<char>(code_point);
  });
  if (!fits) return std::nullopt;
  return latin;
}

std::string Utf8FromLatin1(std::string_view text) {
  std::string utf8;
  for (const char c : text) AppendUtf8(static_cast<unsigned char>(c), utf8);
  return utf8;
}

std::string Utf16BigEndianFromUtf8(std::string_view text) {
  std::string utf16;
  const auto unit = [&utf16](int32_t value) {
    utf16 += static_cast<char>(value >> 8);
    utf16 += static_cast<char>(value & 255);
  };
  ForEachCodePoint(text, [&unit](int32_t code_point) {
    if (code_point < 0x10000) return unit(code_point);
    unit(0xd800 + ((code_point - 0x10000) >> 10));
    unit(0xdc00 + ((code_point - 0x10000) & 0x3ff));
  });
  return utf16;
}

std::string Utf8FromUtf16(std::string_view bytes, bool big_endian) {
  std::string utf8;
  int32_t high = 0;
  for (size_t i = 0; i + 1 < bytes.size(); i += 2) {
    const int32_t first = static_cast<unsigned char>(bytes[i]);
    const int32_t second = static_cast<unsigned char>(bytes[i + 1]);
    const int32_t unit = big_endian ? first << 8 | second : second << 8 | first;
    if (unit == 0) break;
    if (unit >= 0xd800 && unit < 0xdc00) {
      high = unit;
    } else if (unit >= 0xdc00 && unit < 0xe000) {
      AppendUtf8(high == 0 ? kReplacement : 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00),
                 utf8);
      high = 0;
    } else {
      AppendUtf8(unit, utf8);
    }
  }
  return utf8;
}

}  // namespace patchbay
