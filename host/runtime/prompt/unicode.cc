#include "host/runtime/prompt/unicode.h"

#include <utf8proc.h>

#include <cstdlib>
#include <memory>

namespace patchbay {
namespace {

constexpr char32_t kReplacement = 0xFFFD;
// The only code point whose lower case is always two: SpecialCasing.txt.
constexpr char32_t kCapitalIWithDot = 0x130;
constexpr char32_t kCombiningDotAbove = 0x307;

const utf8proc_uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const utf8proc_uint8_t*>(text.data());
}

utf8proc_category_t Category(char32_t code_point) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
}

// Number of bytes of the well-formed sequence that starts here; 0 when none does.
size_t SequenceLength(std::string_view text, char32_t& code_point) {
  utf8proc_int32_t value = 0;
  const utf8proc_ssize_t length =
      utf8proc_iterate(Bytes(text), static_cast<utf8proc_ssize_t>(text.size()), &value);
  if (length <= 0) return 0;
  code_point = static_cast<char32_t>(value);
  return static_cast<size_t>(length);
}

}  // namespace

char32_t NextCodePoint(std::string_view text, size_t& position) {
  char32_t code_point = kReplacement;
  const size_t length = SequenceLength(text.substr(position), code_point);
  position += length == 0 ? 1 : length;
  return code_point;
}

void AppendUtf8(char32_t code_point, std::string& text) {
  utf8proc_uint8_t bytes[4];
  const utf8proc_ssize_t length =
      utf8proc_encode_char(static_cast<utf8proc_int32_t>(code_point), bytes);
  text.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
}

std::string ReplaceMalformedUtf8(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (size_t position = 0; position < text.size();) {
    char32_t code_point = 0;
    const size_t length = SequenceLength(text.substr(position), code_point);
    if (length == 0) {
      AppendUtf8(kReplacement, result);
      ++position;
    } else {
      result.append(text.substr(position, length));
      position += length;
    }
  }
  return result;
}

bool IsWhiteSpace(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

bool IsLetter(char32_t code_point) {
  const utf8proc_category_t category = Category(code_point);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool IsNumber(char32_t code_point) {
  const utf8proc_category_t category = Category(code_point);
  return category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO;
}

std::string ComposeNfc(std::string_view text) {
  utf8proc_uint8_t* composed = nullptr;
  const utf8proc_ssize_t length =
      utf8proc_map(Bytes(text), static_cast<utf8proc_ssize_t>(text.size()), &composed,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(composed, &std::free);
  if (length < 0) return std::string(text);
  return std::string(reinterpret_cast<const char*>(composed), static_cast<size_t>(length));
}

std::string LowerCase(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (size_t position = 0; position < text.size();) {
    const char32_t code_point = NextCodePoint(text, position);
    if (code_point == kCapitalIWithDot) {
      result.push_back('i');
      AppendUtf8(kCombiningDotAbove, result);
    } else {
      AppendUtf8(static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code_point))),
                 result);
    }
  }
  return result;
}

std::string CollapseWhiteSpace(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  bool in_space = false;
  for (size_t position = 0; position < text.size();) {
    const size_t start = position;
    const bool is_space = IsWhiteSpace(NextCodePoint(text, position));
    if (!is_space) result.append(text.substr(start, position - start));
    if (is_space && !in_space) result.push_back(' ');
    in_space = is_space;
  }
  return result;
}

std::string_view StripWhiteSpace(std::string_view text) {
  size_t first = text.size();
  size_t end = 0;
  for (size_t position = 0; position < text.size();) {
    const size_t start = position;
    if (IsWhiteSpace(NextCodePoint(text, position))) continue;
    if (first == text.size()) first = start;
    end = position;
  }
  return first < end ? text.substr(first, end - first) : std::string_view();
}

}  // namespace patchbay
