#include "host/runtime/prompt/plain_prompt.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/base/excerpt.h"
#include "host/runtime/prompt/token_chunk.h"

namespace patchbay {
namespace {

// The text of tokens that were cut off, for the warning.
std::string Spelled(absl::Span<const WeightedToken> tokens, const Tokenizer& tokenizer,
                    absl::Span<const EmbeddingName> embeddings) {
  std::string text;
  std::vector<int32_t> ids;
  const auto flush = [&] {
    if (ids.empty()) return;
    absl::StrAppend(&text, text.empty() ? "" : " ", tokenizer.Decode(ids));
    ids.clear();
  };
  for (const WeightedToken& token : tokens) {
    if (token.embedding < 0) {
      ids.push_back(token.id);
    } else if (token.row == 0) {
      flush();
      absl::StrAppend(&text, text.empty() ? "" : " ",
                      embeddings[static_cast<size_t>(token.embedding)].token);
    }
  }
  flush();
  return text;
}

}  // namespace

Prompt CompilePlainPrompt(std::string_view text, const PromptOptions& options,
                          const Tokenizer& tokenizer, absl::Span<const EmbeddingName> embeddings) {
  std::vector<std::string> triggers;
  for (const EmbeddingName& embedding : embeddings) triggers.push_back(embedding.token);
  const std::vector<int32_t> ids =
      tokenizer.WithAddedTokens(triggers).Encode(text, options.cleaning);

  std::vector<WeightedToken> tokens;
  for (const int32_t id : ids) {
    const int64_t embedding = int64_t{id} - tokenizer.vocabulary_size();
    if (embedding < 0) {
      tokens.push_back({id, 1, -1, 0});
    } else {
      AppendEmbedding(embedding, embeddings[static_cast<size_t>(embedding)].rows, 1, tokens);
    }
  }

  Prompt prompt;
  const auto capacity = static_cast<size_t>(ChunkCapacity(tokenizer));
  const size_t kept = std::min(tokens.size(), capacity);
  const absl::Span<const WeightedToken> all(tokens);
  if (kept < tokens.size()) {
    prompt.warnings.push_back(
        absl::StrCat("the prompt has ", tokens.size(), " tokens and the text encoder takes ",
                     capacity, "; this was cut off: \"",
                     Excerpt(Spelled(all.subspan(kept), tokenizer, embeddings)), "\""));
  }
  PromptStage stage{0, options.calls, std::string(text), {MakeChunk(all.first(kept), tokenizer)}};
  prompt.sub_prompts.push_back({1, {std::move(stage)}});
  return prompt;
}

}  // namespace patchbay
