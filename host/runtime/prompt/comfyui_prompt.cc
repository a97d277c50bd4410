#include "host/runtime/prompt/comfyui_prompt.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/base/excerpt.h"
#include "host/base/status_macros.h"
#include "host/runtime/prompt/comfyui_weights.h"
#include "host/runtime/prompt/python_text.h"
#include "host/runtime/prompt/token_chunk.h"
#include "host/runtime/prompt/unicode.h"

namespace patchbay {
namespace {

constexpr std::string_view kIdentifier = "embedding:";
// A group of this many tokens or more may be cut in two.
constexpr size_t kLargeGroup = 8;

// Cuts a piece before every "embedding:" that follows white space.
std::vector<std::string_view> SplitAtEmbeddings(std::string_view text) {
  std::vector<std::string_view> parts;
  size_t start = 0;
  bool after_space = false;
  for (size_t position = 0; position < text.size();) {
    if (after_space && text.substr(position).starts_with(kIdentifier)) {
      parts.push_back(text.substr(start, position - start));
      start = position;
    }
    after_space = IsPythonSpace(NextCodePoint(text, position));
  }
  if (start < text.size()) parts.push_back(text.substr(start));
  return parts;
}

// str.split()
std::vector<std::string_view> SplitAtSpaces(std::string_view text) {
  std::vector<std::string_view> words;
  for (text = StripPythonSpaceLeft(text); !text.empty(); text = StripPythonSpaceLeft(text)) {
    size_t end = 0;
    for (size_t next = 0; next < text.size(); end = next) {
      if (IsPythonSpace(NextCodePoint(text, next))) break;
    }
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

std::string_view StripCommas(std::string_view text) {
  while (text.starts_with(',')) text.remove_prefix(1);
  while (text.ends_with(',')) text.remove_suffix(1);
  return text;
}

// What follows "embedding:".
struct Mention {
  std::string name;
  int64_t embedding = -1;  // -1: there is none of that name
  std::string rest;        // to be read as ordinary text
};

class Compiler {
 public:
  Compiler(const PromptOptions& options, const Tokenizer& tokenizer,
           absl::Span<const EmbeddingName> embeddings)
      : options_(options), tokenizer_(tokenizer), embeddings_(embeddings) {}

  absl::StatusOr<Prompt> Compile(std::string_view text) {
    for (const WeightedText& piece : ParseComfyuiWeights(text)) {
      for (const std::string_view part : SplitAtEmbeddings(piece.text)) {
        ReadPart(part, TokenWeight(piece.weight));
        PATCHBAY_RETURN_IF_ERROR(CheckChunkCount(chunks_.size() + 1));
      }
    }
    FinishChunk();
    Prompt prompt;
    prompt.warnings = std::move(warnings_);
    PromptStage stage{0, options_.calls, std::string(text), std::move(chunks_)};
    prompt.sub_prompts.push_back({1, {std::move(stage)}});
    return prompt;
  }

 private:
  void ReadPart(std::string_view part, float weight) {
    if (!part.starts_with(kIdentifier)) return AddText(part, weight);
    const Mention mention = ReadMention(part.substr(kIdentifier.size()));
    if (mention.embedding < 0) {
      Warn(absl::StrCat("embedding \"", Excerpt(mention.name),
                        "\" does not exist; it was left out"));
    } else {
      std::vector<WeightedToken> group;
      AppendEmbedding(mention.embedding, embeddings_[static_cast<size_t>(mention.embedding)].rows,
                      weight, group);
      AddGroup(group);
    }
    if (!mention.rest.empty()) AddText(mention.rest, weight);
  }

  Mention ReadMention(std::string_view text) const {
    const std::vector<std::string_view> words = SplitAtSpaces(text);
    Mention mention;
    if (words.empty()) return mention;
    std::string_view name = words[0];
    for (size_t i = 1; i < words.size(); ++i) {
      if (i > 1) mention.rest.push_back(' ');
      mention.rest.append(words[i]);
    }
    if (const size_t bracket = name.find_first_of("<["); bracket != std::string_view::npos) {
      if (!mention.rest.empty()) mention.rest.insert(0, " ");
      mention.rest.insert(0, name.substr(bracket));
      name = name.substr(0, bracket);
    }
    mention.name = std::string(name);
    mention.embedding = Find(name);
    const std::string_view stripped = StripCommas(name);
    if (mention.embedding < 0 && stripped.size() < name.size()) {
      // ComfyUI counts the commas from the end of the name, also those at its start.
      mention.rest.insert(0, " ");
      mention.rest.insert(0, name.substr(stripped.size()));
      mention.embedding = Find(stripped);
    }
    return mention;
  }

  int64_t Find(std::string_view name) const {
    constexpr std::array<std::string_view, 4> kExtensions = {"", ".safetensors", ".pt", ".bin"};
    for (const std::string_view extension : kExtensions) {
      if (!name.ends_with(extension)) continue;
      const std::string_view stem = name.substr(0, name.size() - extension.size());
      for (size_t i = 0; i < embeddings_.size(); ++i) {
        if (!stem.empty() && embeddings_[i].name == stem) return static_cast<int64_t>(i);
      }
    }
    return -1;
  }

  void AddText(std::string_view text, float weight) {
    std::vector<WeightedToken> group;
    for (const int32_t id : tokenizer_.Encode(text, options_.cleaning)) {
      group.push_back({id, weight, -1, 0});
    }
    AddGroup(group);
  }

  void AddGroup(absl::Span<const WeightedToken> group) {
    const auto capacity = static_cast<size_t>(ChunkCapacity(tokenizer_));
    const bool may_be_cut = group.size() >= kLargeGroup || group.size() > capacity;
    while (current_.size() + group.size() > capacity) {
      const size_t taken = may_be_cut ? capacity - current_.size() : 0;
      current_.insert(current_.end(), group.begin(), group.begin() + taken);
      group.remove_prefix(taken);
      FinishChunk();
    }
    current_.insert(current_.end(), group.begin(), group.end());
  }

  void FinishChunk() {
    chunks_.push_back(MakeChunk(current_, tokenizer_));
    current_.clear();
  }

  void Warn(std::string warning) {
    if (std::find(warnings_.begin(), warnings_.end(), warning) == warnings_.end()) {
      warnings_.push_back(std::move(warning));
    }
  }

  const PromptOptions& options_;
  const Tokenizer& tokenizer_;
  const absl::Span<const EmbeddingName> embeddings_;
  std::vector<WeightedToken> current_;
  std::vector<TokenChunk> chunks_;
  std::vector<std::string> warnings_;
};

}  // namespace

absl::StatusOr<Prompt> CompileComfyuiPrompt(std::string_view text, const PromptOptions& options,
                                            const Tokenizer& tokenizer,
                                            absl::Span<const EmbeddingName> embeddings) {
  return Compiler(options, tokenizer, embeddings).Compile(text);
}

}  // namespace patchbay
