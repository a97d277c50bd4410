#include "host/runtime/prompt/a1111_chunks.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/runtime/prompt/attention_syntax.h"
#include "host/runtime/prompt/token_chunk.h"

namespace patchbay {

A1111ChunkWriter::A1111ChunkWriter(const PromptOptions& options, const Tokenizer& tokenizer,
                                   absl::Span<const EmbeddingName> embeddings)
    : options_(options),
      tokenizer_(tokenizer),
      embeddings_(embeddings),
      capacity_(static_cast<size_t>(ChunkCapacity(tokenizer))),
      comma_(tokenizer.IdOf(",</w>")) {
  for (size_t i = 0; i < embeddings.size(); ++i) {
    std::vector<int32_t> ids = tokenizer.Encode(embeddings[i].name, options.cleaning);
    if (ids.empty()) continue;
    std::vector<Trigger>& same_start = triggers_[ids[0]];
    same_start.push_back({std::move(ids), static_cast<int64_t>(i)});
  }
  for (auto& [first, same_start] : triggers_) {
    std::stable_sort(same_start.begin(), same_start.end(),
                     [](const auto& a, const auto& b) { return a.ids.size() > b.ids.size(); });
  }
}

absl::StatusOr<std::vector<TokenChunk>> A1111ChunkWriter::Write(std::string_view text) {
  chunks_.clear();
  current_ = {};
  last_comma_ = -1;
  PATCHBAY_ASSIGN_OR_RETURN(const std::vector<WeightedText> pieces, ParseAttention(text));
  for (const WeightedText& piece : pieces) {
    if (IsBreak(piece)) {
      FinishChunk();
    } else {
      PATCHBAY_RETURN_IF_ERROR(
          AddPiece(tokenizer_.Encode(piece.text, options_.cleaning), TokenWeight(piece.weight)));
    }
    PATCHBAY_RETURN_IF_ERROR(CheckChunkCount(chunks_.size()));
  }
  if (!current_.ids.empty() || chunks_.empty()) FinishChunk();
  PATCHBAY_RETURN_IF_ERROR(CheckChunkCount(chunks_.size()));
  return std::move(chunks_);
}

const A1111ChunkWriter::Trigger* A1111ChunkWriter::TriggerAt(absl::Span<const int32_t> ids) const {
  const auto same_start = triggers_.find(ids[0]);
  if (same_start == triggers_.end()) return nullptr;
  for (const Trigger& trigger : same_start->second) {
    if (trigger.ids.size() <= ids.size() &&
        std::equal(trigger.ids.begin(), trigger.ids.end(), ids.begin())) {
      return &trigger;
    }
  }
  return nullptr;
}

absl::Status A1111ChunkWriter::AddPiece(absl::Span<const int32_t> ids, float weight) {
  while (!ids.empty()) {
    const auto size = static_cast<int64_t>(current_.ids.size());
    if (ids[0] == comma_) {
      last_comma_ = size;
    } else if (current_.ids.size() == capacity_ && last_comma_ >= 0 &&
               size - last_comma_ <= options_.comma_backtrack) {
      BreakAtComma();
    }
    if (current_.ids.size() == capacity_) FinishChunk();

    const Trigger* const trigger = TriggerAt(ids);
    if (trigger == nullptr) {
      current_.ids.push_back(ids[0]);
      current_.weights.push_back(weight);
      ids.remove_prefix(1);
      continue;
    }
    const EmbeddingName& embedding = embeddings_[static_cast<size_t>(trigger->embedding)];
    const auto rows = static_cast<size_t>(std::max<int64_t>(embedding.rows, 0));
    if (rows > capacity_) {
      return absl::InvalidArgumentError(absl::StrCat("embedding \"", embedding.name, "\" has ",
                                                     rows, " vectors; a chunk holds ", capacity_));
    }
    if (current_.ids.size() + rows > capacity_) FinishChunk();
    if (rows > 0) {
      current_.embeddings.push_back({static_cast<int64_t>(current_.ids.size()) + 1,
                                     trigger->embedding, 0, static_cast<int64_t>(rows)});
    }
    current_.ids.insert(current_.ids.end(), rows, 0);
    current_.weights.insert(current_.weights.end(), rows, weight);
    ids.remove_prefix(trigger->ids.size());
  }
  return absl::OkStatus();
}

void A1111ChunkWriter::BreakAtComma() {
  const auto kept = static_cast<std::ptrdiff_t>(last_comma_ + 1);
  TokenChunk moved;
  moved.ids.assign(current_.ids.begin() + kept, current_.ids.end());
  moved.weights.assign(current_.weights.begin() + kept, current_.weights.end());
  // A1111 moves the tokens, but not the embeddings that stand among them: these stay where they
  // were, now in the padding, and in the next chunk there is "!" (the id 0) in their place.
  for (const EmbeddingRun& run : current_.embeddings) {
    if (run.position + run.rows <= kept + 1) continue;
    std::string warning = absl::StrCat(
        "embedding \"", embeddings_[static_cast<size_t>(run.embedding)].name,
        "\" follows a comma at which a chunk ends and, as in A1111, has less effect there; put "
        "BREAK before it");
    if (std::find(warnings_.begin(), warnings_.end(), warning) == warnings_.end()) {
      warnings_.push_back(std::move(warning));
    }
  }
  current_.ids.resize(static_cast<size_t>(kept));
  current_.weights.resize(static_cast<size_t>(kept));
  FinishChunk();
  current_ = std::move(moved);
}

void A1111ChunkWriter::FinishChunk() {
  TokenChunk chunk = std::move(current_);
  chunk.ids.insert(chunk.ids.begin(), tokenizer_.start_id());
  chunk.ids.resize(capacity_ + 2, tokenizer_.end_id());
  chunk.weights.insert(chunk.weights.begin(), 1.0f);
  chunk.weights.resize(capacity_ + 2, 1.0f);
  // What follows the first end, also one that the user wrote, is padding. Where the padding is not
  // the end itself A1111 overwrites everything there.
  const auto end = std::find(chunk.ids.begin(), chunk.ids.end(), tokenizer_.end_id());
  if (tokenizer_.pad_id() != tokenizer_.end_id()) {
    std::fill(end + 1, chunk.ids.end(), tokenizer_.pad_id());
  }
  chunks_.push_back(std::move(chunk));
  current_ = {};
  last_comma_ = -1;
}

}  // namespace patchbay
