#include "host/runtime/text_encoder/chunk_encoder.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

// Chunks that go through the network together: enough to keep the processor busy, few enough that
// long prompts need no memory to speak of.
constexpr size_t kBatch = 16;

absl::Status CheckFit(const ConditioningEncoder& encoder, absl::Span<const TokenChunk> chunks) {
  const ClipTextEncoder& network = *encoder.network;
  if (encoder.tokenizer.max_length() > network.positions()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the tokenizer makes sequences of ", encoder.tokenizer.max_length(),
                     " tokens, but the text encoder takes ", network.positions(),
                     "; name its own with --tokenizer"));
  }
  for (const TokenChunk& chunk : chunks) {
    const int32_t largest = *std::max_element(chunk.ids.begin(), chunk.ids.end());
    if (largest >= network.vocabulary_size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the tokenizer gives the id ", largest, ", but the text encoder knows ",
                       network.vocabulary_size(),
                       " tokens: they do not belong together; name its own tokenizer "
                       "with --tokenizer"));
    }
  }
  return absl::OkStatus();
}

int64_t EndPosition(const TokenChunk& chunk, int64_t end_id) {
  const auto end = std::find(chunk.ids.begin(), chunk.ids.end(), static_cast<int32_t>(end_id));
  return end == chunk.ids.end() ? 0 : end - chunk.ids.begin();
}

EncodedChunks EncodeBatch(const ConditioningEncoder& encoder, absl::Span<const TokenChunk> chunks,
                          const HiddenStateChoice& choice, absl::Span<const at::Tensor> vectors) {
  const auto count = static_cast<int64_t>(chunks.size());
  const auto length = static_cast<int64_t>(chunks[0].ids.size());
  at::Tensor ids = at::empty({count, length}, at::kLong);
  at::Tensor ends = at::empty({count}, at::kLong);
  for (int64_t row = 0; row < count; ++row) {
    const TokenChunk& chunk = chunks[static_cast<size_t>(row)];
    std::copy(chunk.ids.begin(), chunk.ids.end(), ids.data_ptr<int64_t>() + row * length);
    ends.data_ptr<int64_t>()[row] = EndPosition(chunk, encoder.tokenizer.end_id());
  }
  at::Tensor embedded = encoder.network->EmbedTokens(ids);
  for (int64_t row = 0; row < count; ++row) {
    for (const EmbeddingRun& run : chunks[static_cast<size_t>(row)].embeddings) {
      embedded[row]
          .narrow(0, run.position, run.rows)
          .copy_(vectors[static_cast<size_t>(run.embedding)].narrow(0, run.first_row, run.rows));
    }
  }
  const OperatorTable none;
  TextEncoderOutput output = encoder.network->Forward(
      embedded, ends, encoder.operators == nullptr ? none : *encoder.operators);
  at::Tensor hidden = output.hidden_states[static_cast<size_t>(choice.index)];
  if (choice.normalized) hidden = encoder.network->FinalLayerNorm(hidden);
  return {hidden, output.pooled};
}

}  // namespace

absl::StatusOr<EncodedChunks> EncodeChunks(const ConditioningEncoder& encoder,
                                           absl::Span<const TokenChunk> chunks,
                                           const HiddenStateChoice& choice,
                                           absl::Span<const at::Tensor> vectors) {
  PATCHBAY_RETURN_IF_ERROR(CheckFit(encoder, chunks));
  std::vector<TokenChunk> distinct;
  std::map<std::vector<int32_t>, std::vector<int64_t>> by_ids;
  at::Tensor which = at::empty({static_cast<int64_t>(chunks.size())}, at::kLong);
  for (size_t i = 0; i < chunks.size(); ++i) {
    std::vector<int64_t>& candidates = by_ids[chunks[i].ids];
    const auto known = std::find_if(candidates.begin(), candidates.end(), [&](int64_t candidate) {
      return distinct[static_cast<size_t>(candidate)].embeddings == chunks[i].embeddings;
    });
    int64_t index = static_cast<int64_t>(distinct.size());
    if (known != candidates.end()) {
      index = *known;
    } else {
      candidates.push_back(index);
      distinct.push_back(chunks[i]);
    }
    which.data_ptr<int64_t>()[i] = index;
  }
  std::vector<at::Tensor> hidden;
  std::vector<at::Tensor> pooled;
  for (size_t first = 0; first < distinct.size(); first += kBatch) {
    EncodedChunks batch =
        EncodeBatch(encoder, absl::MakeConstSpan(distinct).subspan(first, kBatch), choice, vectors);
    hidden.push_back(std::move(batch.hidden));
    pooled.push_back(std::move(batch.pooled));
  }
  which = which.to(encoder.network->device());
  return EncodedChunks{at::cat(hidden).index_select(0, which),
                       at::cat(pooled).index_select(0, which)};
}

}  // namespace patchbay
