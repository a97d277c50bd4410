#include "host/runtime/prompt/byte_pair_encoding.h"

#include <queue>
#include <tuple>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "host/runtime/prompt/unicode.h"

namespace patchbay {
namespace {

constexpr char kEndOfWord[] = "</w>";

uint64_t PairKey(int32_t left, int32_t right) {
  return (static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32) | static_cast<uint32_t>(right);
}

bool IsPrintable(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

// A doubly linked list of symbols inside a vector, so that a merge costs constant time.
struct Symbol {
  int32_t id = 0;
  int32_t previous = -1;
  int32_t next = -1;
  bool alive = true;
};

}  // namespace

std::array<uint8_t, 256> ByteOrder() {
  std::array<uint8_t, 256> order{};
  size_t count = 0;
  for (const bool printable : {true, false}) {
    for (int byte = 0; byte < 256; ++byte) {
      if (IsPrintable(byte) == printable) order[count++] = static_cast<uint8_t>(byte);
    }
  }
  return order;
}

std::array<std::string, 256> ByteSymbols() {
  std::array<std::string, 256> symbols;
  char32_t next = 256;
  for (int byte = 0; byte < 256; ++byte) {
    AppendUtf8(IsPrintable(byte) ? static_cast<char32_t>(byte) : next++,
               symbols[static_cast<size_t>(byte)]);
  }
  return symbols;
}

absl::StatusOr<BytePairEncoding> BytePairEncoding::Create(const Vocabulary& vocabulary,
                                                          const Merges& merges, int32_t unknown) {
  BytePairEncoding encoding;
  const std::array<std::string, 256> symbols = ByteSymbols();
  for (size_t byte = 0; byte < symbols.size(); ++byte) {
    const auto inner = vocabulary.find(symbols[byte]);
    const auto last = vocabulary.find(absl::StrCat(symbols[byte], kEndOfWord));
    encoding.inner_[byte] = inner == vocabulary.end() ? unknown : inner->second;
    encoding.last_[byte] = last == vocabulary.end() ? unknown : last->second;
  }
  encoding.merges_.reserve(merges.size());
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const auto& [left, right] = merges[rank];
    const auto a = vocabulary.find(left);
    const auto b = vocabulary.find(right);
    const auto merged = vocabulary.find(absl::StrCat(left, right));
    if (a == vocabulary.end() || b == vocabulary.end() || merged == vocabulary.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("merge ", rank + 1, " (\"", left, "\" \"", right,
                       "\") uses a token that the vocabulary does not have; the merges and the "
                       "vocabulary belong to different tokenizers"));
    }
    encoding.merges_[PairKey(a->second, b->second)] =
        Merge{static_cast<int32_t>(rank), merged->second};
  }
  return encoding;
}

const BytePairEncoding::Merge* BytePairEncoding::FindMerge(int32_t left, int32_t right) const {
  const auto found = merges_.find(PairKey(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

void BytePairEncoding::EncodeWord(std::string_view word, std::vector<int32_t>& ids) const {
  if (word.empty()) return;
  std::vector<Symbol> symbols(word.size());
  for (size_t i = 0; i < word.size(); ++i) {
    const auto byte = static_cast<unsigned char>(word[i]);
    const bool is_last = i + 1 == word.size();
    symbols[i] = {is_last ? last_[byte] : inner_[byte], static_cast<int32_t>(i) - 1,
                  is_last ? -1 : static_cast<int32_t>(i) + 1, true};
  }

  // (rank, position of the left symbol, merged id); stale entries are recognised when popped.
  using Candidate = std::tuple<int32_t, int32_t, int32_t>;
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto consider = [&](int32_t left) {
    if (left < 0) return;
    const Symbol& symbol = symbols[static_cast<size_t>(left)];
    if (symbol.next < 0) return;
    const Merge* merge = FindMerge(symbol.id, symbols[static_cast<size_t>(symbol.next)].id);
    if (merge != nullptr) queue.emplace(merge->rank, left, merge->merged);
  };
  for (int32_t i = 0; i < static_cast<int32_t>(symbols.size()); ++i) consider(i);

  while (!queue.empty()) {
    const auto [rank, position, merged] = queue.top();
    queue.pop();
    Symbol& left = symbols[static_cast<size_t>(position)];
    if (!left.alive || left.next < 0) continue;
    Symbol& right = symbols[static_cast<size_t>(left.next)];
    const Merge* merge = FindMerge(left.id, right.id);
    if (merge == nullptr || merge->rank != rank) continue;
    left.id = merged;
    right.alive = false;
    left.next = right.next;
    if (left.next >= 0) symbols[static_cast<size_t>(left.next)].previous = position;
    consider(left.previous);
    consider(position);
  }
  for (int32_t i = 0; i >= 0; i = symbols[static_cast<size_t>(i)].next) {
    ids.push_back(symbols[static_cast<size_t>(i)].id);
  }
}

}  // namespace patchbay
