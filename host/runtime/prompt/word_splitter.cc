#include "host/runtime/prompt/word_splitter.h"

#include <array>
#include <cstddef>

#include "host/runtime/prompt/unicode.h"

namespace patchbay {
namespace {

constexpr std::array<std::string_view, 7> kContractions = {"'s", "'t",  "'re", "'ve",
                                                           "'m", "'ll", "'d"};
// These break a run of symbols only at its start; their letters are then a word of their own.
constexpr std::array<std::string_view, 2> kSpecialWords = {"<|startoftext|>", "<|endoftext|>"};

enum class Kind { kSpace, kLetter, kNumber, kSymbol };

Kind KindOf(char32_t code_point) {
  if (IsWhiteSpace(code_point)) return Kind::kSpace;
  if (IsLetter(code_point)) return Kind::kLetter;
  if (IsNumber(code_point)) return Kind::kNumber;
  return Kind::kSymbol;
}

// End of the run of one kind that starts at `start`.
size_t RunEnd(std::string_view text, size_t start, Kind kind) {
  size_t position = start;
  while (position < text.size()) {
    size_t next = position;
    if (KindOf(NextCodePoint(text, next)) != kind) break;
    position = next;
  }
  return position;
}

size_t ContractionLength(std::string_view text) {
  for (const std::string_view contraction : kContractions) {
    if (text.starts_with(contraction)) return contraction.size();
  }
  return 0;
}

size_t SpecialWordLength(std::string_view text) {
  for (const std::string_view word : kSpecialWords) {
    if (text.starts_with(word)) return word.size();
  }
  return 0;
}

}  // namespace

std::vector<std::string_view> SplitIntoWords(std::string_view text) {
  std::vector<std::string_view> words;
  size_t position = 0;
  const auto take = [&](size_t length) {
    words.push_back(text.substr(position, length));
    position += length;
  };
  while (position < text.size()) {
    const std::string_view rest = text.substr(position);
    if (const size_t special = SpecialWordLength(rest); special > 0) {
      take(2);            // <|
      take(special - 4);  // startoftext
      take(2);            // |>
      continue;
    }
    if (const size_t contraction = ContractionLength(rest); contraction > 0) {
      take(contraction);
      continue;
    }
    size_t next = position;
    const Kind kind = KindOf(NextCodePoint(text, next));
    if (kind == Kind::kSpace) {
      position = next;
    } else if (kind == Kind::kNumber) {
      take(next - position);
    } else {
      take(RunEnd(text, position, kind) - position);
    }
  }
  return words;
}

}  // namespace patchbay
