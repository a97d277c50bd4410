#include "host/runtime/prompt/text_cleaning.h"

#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include "host/runtime/prompt/unicode.h"

namespace patchbay {
namespace {

constexpr size_t kLongestEntity = 12;
constexpr char32_t kLargestCodePoint = 0x10FFFF;

constexpr std::array<std::pair<std::string_view, char32_t>, 14> kNamedEntities = {{
    {"amp", U'&'},
    {"lt", U'<'},
    {"gt", U'>'},
    {"quot", U'"'},
    {"apos", U'\''},
    {"nbsp", 0xA0},
    {"copy", 0xA9},
    {"reg", 0xAE},
    {"hellip", 0x2026},
    {"ndash", 0x2013},
    {"mdash", 0x2014},
    {"lsquo", 0x2018},
    {"rsquo", 0x2019},
    {"eacute", 0xE9},
}};

std::optional<char32_t> NumericEntity(std::string_view digits) {
  unsigned base = 10;
  if (!digits.empty() && (digits[0] == 'x' || digits[0] == 'X')) {
    base = 16;
    digits.remove_prefix(1);
  }
  if (digits.empty()) return std::nullopt;
  char32_t value = 0;
  for (const char c : digits) {
    unsigned digit = 16;
    if (c >= '0' && c <= '9') digit = static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') digit = static_cast<unsigned>(c - 'a') + 10;
    if (c >= 'A' && c <= 'F') digit = static_cast<unsigned>(c - 'A') + 10;
    if (digit >= base) return std::nullopt;
    value = value * base + digit;
    if (value > kLargestCodePoint) return U'\uFFFD';
  }
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  return value == 0 || surrogate ? U'\uFFFD' : value;
}

std::optional<char32_t> Entity(std::string_view name) {
  if (!name.empty() && name[0] == '#') return NumericEntity(name.substr(1));
  for (const auto& [known, value] : kNamedEntities) {
    if (known == name) return value;
  }
  return std::nullopt;
}

std::string ReplaceEntities(std::string_view text) {
  std::string result;
  for (size_t position = 0; position < text.size();) {
    if (text[position] == '&') {
      const size_t end = text.substr(position, kLongestEntity).find(';');
      if (end != std::string_view::npos) {
        if (const auto value = Entity(text.substr(position + 1, end - 1))) {
          AppendUtf8(*value, result);
          position += end + 1;
          continue;
        }
      }
    }
    result.push_back(text[position++]);
  }
  return result;
}

// What ftfy.fix_text() puts in a code point's place: straight quotes, Latin letters for ligatures,
// the ordinary width, nothing for control characters.
void AppendPlain(char32_t c, std::string& text) {
  constexpr std::array<std::string_view, 7> kLigatures = {"ff",  "fi", "fl", "ffi",
                                                          "ffl", "ſt", "st"};
  if (c == 0x02BC || (c >= 0x2018 && c <= 0x201B)) return AppendUtf8(U'\'', text);
  if (c >= 0x201C && c <= 0x201F) return AppendUtf8(U'"', text);
  if (c >= 0xFB00 && c <= 0xFB06) return void(text.append(kLigatures[c - 0xFB00]));
  if (c >= 0xFF01 && c <= 0xFF5E) return AppendUtf8(c - 0xFF01 + U'!', text);
  if (c == 0x3000) return AppendUtf8(U' ', text);
  if (c == 0x2028 || c == 0x2029 || c == 0x85) return AppendUtf8(U'\n', text);
  const bool control = (c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f') ||
                       c == 0x7F || (c >= 0x206A && c <= 0x206F) || c == 0xFEFF ||
                       (c >= 0xFFF9 && c <= 0xFFFC);
  if (!control) AppendUtf8(c, text);
}

std::string MakePlain(std::string_view text) {
  std::string result;
  for (size_t position = 0; position < text.size();) {
    AppendPlain(NextCodePoint(text, position), result);
  }
  return ComposeNfc(result);
}

std::string CleanAsOpenClip(std::string_view text) {
  const std::string plain = ReplaceEntities(ReplaceEntities(MakePlain(text)));
  return LowerCase(CollapseWhiteSpace(StripWhiteSpace(plain)));
}

}  // namespace

std::string CleanText(std::string_view text, TextCleaning cleaning) {
  if (cleaning == TextCleaning::kOpenClip) return CleanAsOpenClip(text);
  return LowerCase(CollapseWhiteSpace(ComposeNfc(text)));
}

}  // namespace patchbay
