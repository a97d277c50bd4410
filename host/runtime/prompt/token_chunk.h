#ifndef PATCHBAY_HOST_RUNTIME_PROMPT_TOKEN_CHUNK_H_
#define PATCHBAY_HOST_RUNTIME_PROMPT_TOKEN_CHUNK_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "host/runtime/prompt/prompt.h"

namespace patchbay {

// One position of a prompt before it has been cut into chunks.
struct WeightedToken {
  int32_t id = 0;
  float weight = 1;
  // Which textual inversion stands here, and which of its rows; -1 for an ordinary token.
  int64_t embedding = -1;
  int64_t row = 0;
};

// How many tokens a chunk holds between start and end.
int64_t ChunkCapacity(const Tokenizer& tokenizer);

// Start, the tokens (at most ChunkCapacity()), end, padding.
TokenChunk MakeChunk(absl::Span<const WeightedToken> tokens, const Tokenizer& tokenizer);

// One token for every row of an embedding.
void AppendEmbedding(int64_t embedding, int64_t rows, float weight,
                     std::vector<WeightedToken>& tokens);

// INVALID_ARGUMENT when one text fills more than kMaxPromptChunks.
absl::Status CheckChunkCount(size_t chunks);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PROMPT_TOKEN_CHUNK_H_
