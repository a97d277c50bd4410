#include "host/runtime/prompt/tokenizer.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/runtime/prompt/text_cleaning.h"
#include "host/runtime/prompt/unicode.h"
#include "host/runtime/prompt/word_splitter.h"

namespace patchbay {

struct Tokenizer::Tables {
  BytePairEncoding encoding;
  BytePairEncoding::Vocabulary vocabulary;
  std::vector<std::string> spellings;  // by id
};

namespace {

// The longest added token that `text` starts with; nullptr when there is none.
const AddedToken* LongestAtStart(std::string_view text, const std::vector<AddedToken>& added,
                                 bool normalized) {
  const AddedToken* best = nullptr;
  for (const AddedToken& token : added) {
    if (token.normalized != normalized || !text.starts_with(token.content)) continue;
    if (best == nullptr || token.content.size() > best->content.size()) best = &token;
  }
  return best;
}

// Splits text at added tokens: calls `plain` for what lies between and appends the tokens' ids.
template <typename Plain>
void SplitAtAddedTokens(std::string_view text, const std::vector<AddedToken>& added,
                        bool normalized, std::vector<int32_t>& ids, const Plain& plain) {
  size_t plain_start = 0;
  size_t position = 0;
  while (position < text.size()) {
    const AddedToken* token = LongestAtStart(text.substr(position), added, normalized);
    if (token == nullptr) {
      ++position;
      continue;
    }
    if (position > plain_start) plain(text.substr(plain_start, position - plain_start));
    ids.push_back(token->id);
    position += token->content.size();
    plain_start = position;
  }
  if (plain_start < text.size()) plain(text.substr(plain_start));
}

absl::StatusOr<int32_t> RequiredId(const BytePairEncoding::Vocabulary& vocabulary,
                                   const std::vector<AddedToken>& added, const std::string& token,
                                   const char* role) {
  if (const auto found = vocabulary.find(token); found != vocabulary.end()) return found->second;
  for (const AddedToken& candidate : added) {
    if (candidate.content == token) return candidate.id;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the tokenizer's vocabulary lacks its ", role, " token \"", token, "\""));
}

}  // namespace

absl::StatusOr<Tokenizer> Tokenizer::Create(const Parts& parts) {
  if (parts.max_length < 3) {
    return absl::InvalidArgumentError(
        absl::StrCat("a sequence of ", parts.max_length,
                     " tokens has no room for a word between its start and its end"));
  }
  Tokenizer tokenizer;
  PATCHBAY_ASSIGN_OR_RETURN(tokenizer.start_id_,
                            RequiredId(parts.vocabulary, parts.added, parts.start, "start"));
  PATCHBAY_ASSIGN_OR_RETURN(tokenizer.end_id_,
                            RequiredId(parts.vocabulary, parts.added, parts.end, "end"));
  PATCHBAY_ASSIGN_OR_RETURN(tokenizer.pad_id_,
                            RequiredId(parts.vocabulary, parts.added, parts.pad, "padding"));
  PATCHBAY_ASSIGN_OR_RETURN(const int32_t unknown,
                            RequiredId(parts.vocabulary, parts.added, parts.unknown, "unknown"));
  auto tables = std::make_shared<Tables>();
  PATCHBAY_ASSIGN_OR_RETURN(tables->encoding,
                            BytePairEncoding::Create(parts.vocabulary, parts.merges, unknown));
  tables->vocabulary = parts.vocabulary;
  for (const AddedToken& token : parts.added) tables->vocabulary.emplace(token.content, token.id);
  tables->spellings.resize(tables->vocabulary.size());
  for (const auto& [token, id] : tables->vocabulary) {
    if (id < 0 || static_cast<size_t>(id) >= tables->spellings.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the vocabulary gives \"", token, "\" the id ", id, ", but has only ",
                       tables->spellings.size(), " tokens; ids must be 0, 1, 2, ..."));
    }
    tables->spellings[static_cast<size_t>(id)] = token;
  }
  tokenizer.tables_ = std::move(tables);
  tokenizer.max_length_ = parts.max_length;
  for (AddedToken token : parts.added) {
    if (token.content.empty()) continue;
    if (token.id < 0 || token.id >= tokenizer.vocabulary_size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the added token \"", token.content, "\" has the id ", token.id,
                       ", but there are only ", tokenizer.vocabulary_size(), " tokens"));
    }
    if (token.normalized) token.content = CleanText(token.content, TextCleaning::kTransformers);
    tokenizer.added_.push_back(std::move(token));
  }
  return tokenizer;
}

Tokenizer Tokenizer::WithAddedTokens(absl::Span<const std::string> contents) const {
  Tokenizer result = *this;
  int32_t id = vocabulary_size();
  for (const std::string& content : contents) {
    const std::string cleaned =
        CleanText(ReplaceMalformedUtf8(content), TextCleaning::kTransformers);
    if (!cleaned.empty()) result.added_.push_back({cleaned, id, /*normalized=*/true});
    ++id;
  }
  return result;
}

Tokenizer Tokenizer::WithoutSpecialTokens() const {
  Tokenizer result = *this;
  result.added_.clear();
  return result;
}

Tokenizer Tokenizer::WithPad(int32_t pad_id) const {
  Tokenizer result = *this;
  result.pad_id_ = pad_id;
  return result;
}

int32_t Tokenizer::vocabulary_size() const {
  return static_cast<int32_t>(tables_->spellings.size());
}

int32_t Tokenizer::IdOf(std::string_view token) const {
  const auto found = tables_->vocabulary.find(std::string(token));
  return found == tables_->vocabulary.end() ? -1 : found->second;
}

std::vector<int32_t> Tokenizer::Encode(std::string_view text, TextCleaning cleaning) const {
  std::vector<int32_t> ids;
  const std::string valid = ReplaceMalformedUtf8(text);
  SplitAtAddedTokens(valid, added_, /*normalized=*/false, ids,
                     [&](std::string_view part) { EncodeClean(part, cleaning, ids); });
  return ids;
}

void Tokenizer::EncodeClean(std::string_view text, TextCleaning cleaning,
                            std::vector<int32_t>& ids) const {
  const std::string clean = CleanText(text, cleaning);
  SplitAtAddedTokens(clean, added_, /*normalized=*/true, ids, [&](std::string_view part) {
    for (const std::string_view word : SplitIntoWords(part)) {
      tables_->encoding.EncodeWord(word, ids);
    }
  });
}

std::string Tokenizer::Decode(absl::Span<const int32_t> ids) const {
  static const auto* const kBytes = [] {
    auto* bytes = new std::unordered_map<std::string, char>();
    const std::array<std::string, 256> symbols = ByteSymbols();
    for (size_t byte = 0; byte < symbols.size(); ++byte) {
      bytes->emplace(symbols[byte], static_cast<char>(byte));
    }
    return bytes;
  }();
  std::string text;
  for (const int32_t id : ids) {
    if (id < 0 || id >= vocabulary_size()) continue;
    std::string_view spelling = tables_->spellings[static_cast<size_t>(id)];
    const bool ends_word = spelling.ends_with("</w>");
    if (ends_word) spelling.remove_suffix(4);
    for (size_t position = 0; position < spelling.size();) {
      const size_t start = position;
      NextCodePoint(spelling, position);
      const auto byte = kBytes->find(std::string(spelling.substr(start, position - start)));
      if (byte != kBytes->end()) text.push_back(byte->second);
    }
    if (ends_word) text.push_back(' ');
  }
  return ReplaceMalformedUtf8(StripWhiteSpace(text));
}

}  // namespace patchbay
