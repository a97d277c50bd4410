#ifndef PATCHBAY_HOST_RUNTIME_PROMPT_BYTE_PAIR_ENCODING_H_
#define PATCHBAY_HOST_RUNTIME_PROMPT_BYTE_PAIR_ENCODING_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace patchbay {

// CLIP's byte-pair encoding (arXiv:1508.07909, over bytes as in GPT-2): a word's bytes, the last of
// them carrying "</w>", are merged pair by pair, lowest rank first. Immutable; any thread may call.
class BytePairEncoding {
 public:
  using Vocabulary = std::unordered_map<std::string, int32_t>;
  using Merges = std::vector<std::pair<std::string, std::string>>;

  // Tokens are spelled with GPT-2's printable stand-ins for bytes. `unknown` is the id for a byte
  // that the vocabulary lacks. INVALID_ARGUMENT when a merge names a token that it lacks.
  static absl::StatusOr<BytePairEncoding> Create(const Vocabulary& vocabulary, const Merges& merges,
                                                 int32_t unknown);

  // Appends the ids of one word (any bytes). Takes O(n log n) time.
  void EncodeWord(std::string_view word, std::vector<int32_t>& ids) const;

 private:
  struct Merge {
    int32_t rank = 0;
    int32_t merged = 0;
  };

  const Merge* FindMerge(int32_t left, int32_t right) const;

  std::array<int32_t, 256> inner_{};
  std::array<int32_t, 256> last_{};
  std::unordered_map<uint64_t, Merge> merges_;
};

// GPT-2's printable stand-in for each byte, in UTF-8.
std::array<std::string, 256> ByteSymbols();
// The bytes in the order in which CLIP numbers them: the printable ones of Latin-1, then the rest.
std::array<uint8_t, 256> ByteOrder();

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PROMPT_BYTE_PAIR_ENCODING_H_
