#include "plugins/llava/src/tokenizer.h"

#include <patchbay/error.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace llava {
namespace {

// "<0x0A>", the token of a byte.
std::string ByteToken(char byte) {
  char text[8];
  std::snprintf(text, sizeof(text), "<0x%02X>", static_cast<unsigned>(static_cast<uint8_t>(byte)));
  return text;
}

// Bytes of the character that begins here; 1 where there is none.
size_t CharacterLength(const std::string& text, size_t begin) {
  const auto lead = static_cast<uint8_t>(text[begin]);
  const size_t length = lead < 0x80       ? 1
                        : lead >> 5 == 6  ? 2
                        : lead >> 4 == 14 ? 3
                        : lead >> 3 == 30 ? 4
                                          : 1;
  for (size_t i = 1; i < length; ++i) {
    if (begin + i >= text.size() || (static_cast<uint8_t>(text[begin + i]) >> 6) != 2) return 1;
  }
  return length;
}

std::string Replaced(const std::string& text, const std::string& from, const std::string& to) {
  std::string result;
  size_t begin = 0;
  for (size_t found = text.find(from); found != std::string::npos; found = text.find(from, begin)) {
    result += text.substr(begin, found - begin) + to;
    begin = found + from.size();
  }
  return result + text.substr(begin);
}

}  // namespace

Tokenizer::Tokenizer(TokenizerDefinition definition) : definition_(std::move(definition)) {}

std::string Tokenizer::Normalized(std::string text) const {
  if (!definition_.normalization.only_if_missing) text = definition_.normalization.before + text;
  for (const TokenizerDefinition::Replacement& step : definition_.normalization.replace)
    text = Replaced(text, step.from, step.to);
  const std::string& before = definition_.normalization.before;
  return definition_.normalization.only_if_missing && text.rfind(before, 0) != 0 ? before + text
                                                                                 : text;
}

std::vector<int64_t> Tokenizer::Encode(const std::string& text) const {
  if (text.empty()) return {};
  const std::string whole = Normalized(text);
  std::vector<int64_t> tokens;
  for (size_t begin = 0; begin < whole.size();) {
    size_t end = whole.size();
    if (definition_.normalization.splits_words) end = std::min(end, whole.find(kSpace, begin + 1));
    const std::vector<int64_t> word = EncodeWord(whole.substr(begin, end - begin));
    tokens.insert(tokens.end(), word.begin(), word.end());
    begin = end;
  }
  return tokens;
}

std::vector<int64_t> Tokenizer::EncodeWord(const std::string& word) const {
  std::vector<int64_t> tokens;
  bool was_unknown = false;
  for (size_t begin = 0, length = 0; begin < word.size(); begin += length) {
    length = CharacterLength(word, begin);
    const std::string character = word.substr(begin, length);
    const auto found = definition_.vocabulary.find(character);
    const size_t before = tokens.size();
    if (found != definition_.vocabulary.end()) {
      tokens.push_back(found->second);
    } else {
      AppendUnknown(character, tokens);
    }
    const bool is_unknown = found == definition_.vocabulary.end() && tokens.size() == before + 1 &&
                            tokens.back() == definition_.unknown;
    if (is_unknown && was_unknown && definition_.fuses_unknown) tokens.pop_back();
    was_unknown = is_unknown;
  }
  return Merged(tokens, definition_.merges);
}

void Tokenizer::AppendUnknown(const std::string& character, std::vector<int64_t>& tokens) const {
  std::vector<int64_t> bytes;
  for (const char byte : character) {
    const auto found = definition_.has_bytes ? definition_.vocabulary.find(ByteToken(byte))
                                             : definition_.vocabulary.end();
    if (found != definition_.vocabulary.end()) bytes.push_back(found->second);
  }
  if (bytes.size() == character.size()) {
    tokens.insert(tokens.end(), bytes.begin(), bytes.end());
    return;
  }
  if (definition_.unknown < 0) {
    throw patchbay::Error(definition_.name + " has no token for \"" + character +
                          "\", and none for unknown characters");
  }
  tokens.push_back(definition_.unknown);
}

}  // namespace llava
