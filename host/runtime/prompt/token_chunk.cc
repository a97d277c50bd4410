#include "host/runtime/prompt/token_chunk.h"

#include "absl/strings/str_cat.h"

namespace patchbay {

int64_t ChunkCapacity(const Tokenizer& tokenizer) { return tokenizer.max_length() - 2; }

TokenChunk MakeChunk(absl::Span<const WeightedToken> tokens, const Tokenizer& tokenizer) {
  const auto length = static_cast<size_t>(tokenizer.max_length());
  TokenChunk chunk;
  chunk.ids.assign(length, tokenizer.pad_id());
  chunk.weights.assign(length, 1.0f);
  chunk.ids[0] = tokenizer.start_id();
  for (size_t i = 0; i < tokens.size(); ++i) {
    const WeightedToken& token = tokens[i];
    const size_t position = i + 1;
    chunk.ids[position] = token.id;
    chunk.weights[position] = token.weight;
    if (token.embedding < 0) continue;
    const bool continues = !chunk.embeddings.empty() && token.row > 0 &&
                           chunk.embeddings.back().embedding == token.embedding &&
                           chunk.embeddings.back().position + chunk.embeddings.back().rows ==
                               static_cast<int64_t>(position);
    if (!continues) {
      chunk.embeddings.push_back({static_cast<int64_t>(position), token.embedding, token.row, 0});
    }
    ++chunk.embeddings.back().rows;
  }
  chunk.ids[tokens.size() + 1] = tokenizer.end_id();
  return chunk;
}

TokenChunk EmptyChunk(const Tokenizer& tokenizer) { return MakeChunk({}, tokenizer); }

void AppendEmbedding(int64_t embedding, int64_t rows, float weight,
                     std::vector<WeightedToken>& tokens) {
  for (int64_t row = 0; row < rows; ++row) tokens.push_back({0, weight, embedding, row});
}

absl::Status CheckChunkCount(size_t chunks) {
  if (chunks <= kMaxPromptChunks) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the prompt fills more than ", kMaxPromptChunks,
                   " chunks of the text encoder; write a shorter one"));
}

}  // namespace patchbay
