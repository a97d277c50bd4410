#ifndef PATCHBAY_PLUGINS_LLAVA_SRC_TOKENIZER_H_
#define PATCHBAY_PLUGINS_LLAVA_SRC_TOKENIZER_H_

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "plugins/llava/src/bpe_merging.h"

namespace llava {

// What stands for a space within a token: "\u2581", U+2581.
inline constexpr char kSpace[] = "\xe2\x96\x81";

// Tokens' numbers are below this.
inline constexpr int64_t kLargestToken = 1 << 24;

// What a file says of LLaMA's tokenizer (tokenizer_json.h, sentencepiece_model.h).
struct TokenizerDefinition {
  struct Replacement {
    std::string from;
    std::string to;
  };
  // How a text becomes that whose characters are encoded.
  struct Normalization {
    std::string before;                // put before the text
    std::vector<Replacement> replace;  // in order
    bool only_if_missing = false;      // `before`, once the rest is done
    bool splits_words = false;         // before each kSpace; no token goes over that
  };

  std::string name;  // what errors call it
  std::unordered_map<std::string, int64_t> vocabulary;
  Merges merges;
  Normalization normalization;
  std::vector<std::string> special;  // texts that stand for something of their own, as "</s>"
  int64_t size = 0;                  // one behind the largest token
  int64_t unknown = -1;              // the token of unknown characters; -1: there is none
  bool has_bytes = false;            // "<0x0A>" stands for a byte of an unknown character
  bool fuses_unknown = false;        // unknown characters in a row are one token
};

// LLaMA's tokenizer: byte-pair encoding of characters, with bytes for the characters that it does
// not know. Any thread.
class Tokenizer {
 public:
  explicit Tokenizer(TokenizerDefinition definition);

  // Of a text of its own, without tokens for beginning and end. Throws patchbay::Error where a
  // character has no token, and none stands for unknown ones.
  std::vector<int64_t> Encode(const std::string& text) const;

  int64_t size() const { return definition_.size; }
  const std::vector<std::string>& special() const { return definition_.special; }

 private:
  std::string Normalized(std::string text) const;
  std::vector<int64_t> EncodeWord(const std::string& word) const;
  void AppendUnknown(const std::string& character, std::vector<int64_t>& tokens) const;

  TokenizerDefinition definition_;
};

}  // namespace llava

#endif  // PATCHBAY_PLUGINS_LLAVA_SRC_TOKENIZER_H_
