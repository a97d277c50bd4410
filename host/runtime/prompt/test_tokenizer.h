#ifndef PATCHBAY_HOST_RUNTIME_PROMPT_TEST_TOKENIZER_H_
#define PATCHBAY_HOST_RUNTIME_PROMPT_TEST_TOKENIZER_H_

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "host/runtime/prompt/tokenizer.h"

namespace patchbay {

// Small vocabularies whose ids can be foretold: 0-255 the bytes in CLIP's order, 256-511 the same
// at the end of a word, then one id per merge, then start and end. Without merges every character
// of ASCII is one token, LetterId(c) inside a word and LastId(c) at its end.
inline Tokenizer::Parts BytePartsWith(const BytePairEncoding::Merges& merges) {
  Tokenizer::Parts parts;
  const std::array<std::string, 256> symbols = ByteSymbols();
  int32_t id = 0;
  for (const char* const suffix : {"", "</w>"}) {
    for (const uint8_t byte : ByteOrder()) parts.vocabulary[symbols[byte] + suffix] = id++;
  }
  for (const auto& [left, right] : merges) parts.vocabulary[left + right] = id++;
  parts.merges = merges;
  parts.added = {{parts.start, id, false}, {parts.end, id + 1, false}};
  return parts;
}

inline Tokenizer ByteTokenizer(int64_t max_length = 77) {
  Tokenizer::Parts parts = BytePartsWith({});
  parts.max_length = max_length;
  return *Tokenizer::Create(parts);
}

// CLIP numbers the printable characters first: "!" is 0.
inline int32_t LetterId(char c) { return c - '!'; }
inline int32_t LastId(char c) { return 256 + LetterId(c); }

// The ids of an ASCII word of letters, or of symbols, or of one digit.
inline std::vector<int32_t> WordIds(const std::string& word) {
  std::vector<int32_t> ids;
  for (const char c : word) ids.push_back(LetterId(c));
  if (!ids.empty()) ids.back() += 256;
  return ids;
}

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PROMPT_TEST_TOKENIZER_H_
