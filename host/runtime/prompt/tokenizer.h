#ifndef PATCHBAY_HOST_RUNTIME_PROMPT_TOKENIZER_H_
#define PATCHBAY_HOST_RUNTIME_PROMPT_TOKENIZER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "host/runtime/prompt/byte_pair_encoding.h"

namespace patchbay {

// How text is prepared before it is cut into words.
enum class TextCleaning {
  // Unicode NFC, white space collapsed, lower case: the CLIPTokenizer of transformers 5.
  kTransformers,
  // mlfoundations/open_clip: HTML entities replaced (twice), typographic variants made plain as by
  // ftfy, white space collapsed, lower case. ftfy's repair of wrongly decoded text is left out.
  kOpenClip,
};

// A string that stands for one id wherever it occurs in the text.
struct AddedToken {
  std::string content;
  int32_t id = 0;
  // Looked for in the cleaned (lower-cased) text instead of the text as given.
  bool normalized = false;
};

// CLIP's tokenizer: text to ids of the byte-pair vocabulary that a text encoder was trained with.
//
// Any vocabulary of that kind works, also a truncated one. Text may be any bytes: malformed UTF-8
// is read as U+FFFD. Immutable; any thread may call. Cheap to copy.
class Tokenizer {
 public:
  // Reads a diffusers "tokenizer" folder: vocab.json and merges.txt, with special_tokens_map.json
  // and tokenizer_config.json (the former wins) naming the special tokens; or the tokenizer.json
  // that transformers 5 writes. NOT_FOUND names the missing files, INVALID_ARGUMENT what is wrong.
  static absl::StatusOr<Tokenizer> FromFolder(const std::string& folder);

  // Reads CLIP's own merge list, bpe_simple_vocab_16e6.txt.gz of openai/CLIP and open_clip; padded
  // with <|endoftext|>. `vocabulary_size`: of the 49408 tokens the first ones and the two special
  // ones, for text encoders that were made with fewer. INVALID_ARGUMENT for fewer than 514.
  static constexpr int64_t kClipVocabulary = 49408;
  static absl::StatusOr<Tokenizer> FromMergeListFile(const std::string& path,
                                                     int64_t vocabulary_size = kClipVocabulary);

  // From parts, for readers and tests. `added` must hold `start`, `end` and `pad`'s strings if
  // these are to be recognised in text.
  struct Parts {
    BytePairEncoding::Vocabulary vocabulary;
    BytePairEncoding::Merges merges;
    std::vector<AddedToken> added;
    std::string start = "<|startoftext|>";
    std::string end = "<|endoftext|>";
    std::string pad = "<|endoftext|>";
    std::string unknown = "<|endoftext|>";
    int64_t max_length = 77;
  };
  static absl::StatusOr<Tokenizer> Create(const Parts& parts);

  // A tokenizer that also knows these strings; the i-th gets the id vocabulary_size() + i. In the
  // text they are found without regard to case, the longest first, as transformers' add_tokens().
  Tokenizer WithAddedTokens(absl::Span<const std::string> contents) const;

  // The same tokenizer, which finds no special token in text: "<|endoftext|>" and a pad token "!"
  // are then ordinary characters.
  Tokenizer WithoutSpecialTokens() const;

  // The same tokenizer with another padding id.
  Tokenizer WithPad(int32_t pad_id) const;

  // The ids of a text, without start, end or padding; never truncated. Takes O(n log n) time.
  std::vector<int32_t> Encode(std::string_view text,
                              TextCleaning cleaning = TextCleaning::kTransformers) const;

  // The text that gives these ids, as far as it can be known (lower case, single spaces).
  std::string Decode(absl::Span<const int32_t> ids) const;

  int32_t start_id() const { return start_id_; }
  int32_t end_id() const { return end_id_; }
  int32_t pad_id() const { return pad_id_; }
  // Of the files, without WithAddedTokens().
  int32_t vocabulary_size() const;
  // Length of a sequence with start and end, 77 unless the files say otherwise.
  int64_t max_length() const { return max_length_; }
  // The id of a token in the vocabulary's spelling ("cat</w>"); -1 when there is none.
  int32_t IdOf(std::string_view token) const;

 private:
  struct Tables;

  Tokenizer() = default;
  void EncodeClean(std::string_view text, TextCleaning cleaning, std::vector<int32_t>& ids) const;

  std::shared_ptr<const Tables> tables_;
  std::vector<AddedToken> added_;
  int32_t start_id_ = 0;
  int32_t end_id_ = 0;
  int32_t pad_id_ = 0;
  int64_t max_length_ = 77;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PROMPT_TOKENIZER_H_
