#include "host/runtime/prompt/python_text.h"

#include <cmath>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "host/runtime/prompt/unicode.h"

namespace patchbay {
namespace {

// Where the code point that ends at `end` starts.
size_t PreviousStart(std::string_view text, size_t end) {
  size_t start = end - 1;
  while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xC0) == 0x80) --start;
  return start;
}

bool WordEndsAt(std::string_view text, size_t end) {
  if (end == 0) return false;
  size_t start = PreviousStart(text, end);
  return IsPythonWord(NextCodePoint(text, start));
}

bool WordStartsAt(std::string_view text, size_t start) {
  return start < text.size() && IsPythonWord(NextCodePoint(text, start));
}

// Takes digits, which underscores may separate; returns whether there was one.
bool TakeDigits(std::string_view text, size_t& position, std::string& number) {
  const size_t start = position;
  while (position < text.size()) {
    if (absl::ascii_isdigit(static_cast<unsigned char>(text[position]))) {
      number.push_back(text[position++]);
    } else if (text[position] == '_' && position > start && position + 1 < text.size() &&
               absl::ascii_isdigit(static_cast<unsigned char>(text[position + 1]))) {
      ++position;
    } else {
      break;
    }
  }
  return position > start;
}

bool TakeOneOf(std::string_view text, std::string_view choices, size_t& position,
               std::string& number) {
  if (position >= text.size() || choices.find(text[position]) == std::string_view::npos) {
    return false;
  }
  number.push_back(text[position++]);
  return true;
}

}  // namespace

bool IsPythonSpace(char32_t code_point) {
  // Python adds the four ASCII separators to Unicode's white space.
  return IsWhiteSpace(code_point) || (code_point >= 0x1C && code_point <= 0x1F);
}

bool IsPythonWord(char32_t code_point) {
  return code_point == U'_' || IsLetter(code_point) || IsNumber(code_point);
}

std::string_view StripPythonSpaceLeft(std::string_view text) {
  for (size_t position = 0; position < text.size();) {
    const size_t start = position;
    if (!IsPythonSpace(NextCodePoint(text, position))) return text.substr(start);
  }
  return {};
}

std::string_view StripPythonSpaceRight(std::string_view text) {
  while (!text.empty()) {
    const size_t start = PreviousStart(text, text.size());
    size_t position = start;
    if (!IsPythonSpace(NextCodePoint(text, position))) break;
    text = text.substr(0, start);
  }
  return text;
}

std::vector<size_t> FindWord(std::string_view text, std::string_view word) {
  std::vector<size_t> positions;
  for (size_t position = text.find(word); position != std::string_view::npos;
       position = text.find(word, position + word.size())) {
    if (!WordEndsAt(text, position) && !WordStartsAt(text, position + word.size())) {
      positions.push_back(position);
    }
  }
  return positions;
}

std::optional<double> ParsePythonFloat(std::string_view text) {
  text = StripPythonSpaceLeft(StripPythonSpaceRight(text));
  std::string number;
  size_t position = 0;
  TakeOneOf(text, "+-", position, number);
  const bool before_point = TakeDigits(text, position, number);
  bool after_point = false;
  if (TakeOneOf(text, ".", position, number)) after_point = TakeDigits(text, position, number);
  if (!before_point && !after_point) return std::nullopt;
  if (TakeOneOf(text, "eE", position, number)) {
    TakeOneOf(text, "+-", position, number);
    if (!TakeDigits(text, position, number)) return std::nullopt;
  }
  double value = 0;
  if (number.starts_with('+')) number.erase(0, 1);
  if (position != text.size() || !absl::SimpleAtod(number, &value) || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

}  // namespace patchbay
