#ifndef PATCHBAY_HOST_RUNTIME_PROMPT_A1111_CHUNKS_H_
#define PATCHBAY_HOST_RUNTIME_PROMPT_A1111_CHUNKS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "host/runtime/prompt/prompt.h"

namespace patchbay {

// Cuts texts with attention brackets into chunks of 75 tokens as A1111 does. A chunk ends when it
// is full, at BREAK, before an embedding that does not fit, and, if it is full and one of its last
// `comma_backtrack` tokens is a comma, after that comma. Embeddings are called by their names, the
// longest in tokens first. Not thread-safe; keeps references to what it is made of.
// Source: AUTOMATIC1111, modules/sd_hijack_clip.py, tokenize_line(), process_tokens().
class A1111ChunkWriter {
 public:
  A1111ChunkWriter(const PromptOptions& options, const Tokenizer& tokenizer,
                   absl::Span<const EmbeddingName> embeddings);

  // At least one chunk. `text` must be well-formed UTF-8. INVALID_ARGUMENT when there are too many,
  // or when an embedding is longer than a chunk.
  absl::StatusOr<std::vector<TokenChunk>> Write(std::string_view text);

  // What the user should know about all texts written so far; each once.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  struct Trigger {
    std::vector<int32_t> ids;
    int64_t embedding = 0;
  };

  const Trigger* TriggerAt(absl::Span<const int32_t> ids) const;
  absl::Status AddPiece(absl::Span<const int32_t> ids, float weight);
  void BreakAtComma();
  void FinishChunk();

  const PromptOptions& options_;
  const Tokenizer& tokenizer_;
  const absl::Span<const EmbeddingName> embeddings_;
  const size_t capacity_;
  const int32_t comma_;
  // By first id, the longest first.
  std::unordered_map<int32_t, std::vector<Trigger>> triggers_;

  // The current chunk without start and end.
  TokenChunk current_;
  int64_t last_comma_ = -1;
  std::vector<TokenChunk> chunks_;
  std::vector<std::string> warnings_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PROMPT_A1111_CHUNKS_H_
