#ifndef PATCHBAY_PLUGINS_LLAVA_SRC_TOKENIZER_H_
#define PATCHBAY_PLUGINS_LLAVA_SRC_TOKENIZER_H_

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "plugins/llava/src/bpe_merging.h"

namespace llava {

// LLaMA's tokenizer as the file tokenizer.json of Hugging Face's tokenizers has it: byte-pair
// encoding of characters in which "▁" (U+2581) stands for a space, with bytes for the characters
// that it does not know. Any thread.
class Tokenizer {
 public:
  // `name` is what errors call it. Throws patchbay::Error when it is malformed or of another kind.
  static Tokenizer Read(const std::string& json, const std::string& name);

  // Of a text of its own, without tokens for beginning and end. Throws patchbay::Error where a
  // character has no token, and none stands for unknown ones.
  std::vector<int64_t> Encode(const std::string& text) const;

  // One behind the largest token.
  int64_t size() const { return size_; }
  // Texts that stand for something of their own, as "</s>" does.
  const std::vector<std::string>& special() const { return special_; }

 private:
  friend class TokenizerReader;

  struct Replacement {
    std::string from;
    std::string to;
  };
  // How a text becomes that whose characters are encoded.
  struct Normalization {
    std::string before;                // put before the text
    std::vector<Replacement> replace;  // in order
    bool only_if_missing = false;      // `before`, once the rest is done
    bool splits_words = false;         // before each "▁"; no token goes over that
  };

  std::string Normalized(std::string text) const;
  std::vector<int64_t> EncodeWord(const std::string& word) const;
  void AppendUnknown(const std::string& character, std::vector<int64_t>& tokens) const;

  std::string name_;
  std::unordered_map<std::string, int64_t> vocabulary_;
  Merges merges_;
  Normalization normalization_;
  std::vector<std::string> special_;
  int64_t size_ = 0;
  int64_t unknown_ = -1;
  bool has_bytes_ = false;
  bool fuses_unknown_ = false;
};

}  // namespace llava

#endif  // PATCHBAY_PLUGINS_LLAVA_SRC_TOKENIZER_H_
