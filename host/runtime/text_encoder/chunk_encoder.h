#ifndef PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_CHUNK_ENCODER_H_
#define PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_CHUNK_ENCODER_H_

#include <ATen/ATen.h>

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "host/runtime/prompt/prompt.h"
#include "host/runtime/text_encoder/clip_text_encoder.h"
#include "host/runtime/text_encoder/hidden_state_choice.h"

namespace patchbay {

// A text encoder with what belongs to it.
struct ConditioningEncoder {
  std::shared_ptr<const ClipTextEncoder> network;
  Tokenizer tokenizer;
  // A LoRA's patches; may be null.
  std::shared_ptr<const OperatorTable> operators;
};

// N chunks of T positions.
struct EncodedChunks {
  at::Tensor hidden;  // [N, T, W]
  at::Tensor pooled;  // [N, P]
};

// Runs chunks through the network, equal ones once. `vectors` are the textual inversions that the
// chunks refer to. Weights are not applied here. INVALID_ARGUMENT when the tokenizer and the
// network do not belong together.
absl::StatusOr<EncodedChunks> EncodeChunks(const ConditioningEncoder& encoder,
                                           absl::Span<const TokenChunk> chunks,
                                           const HiddenStateChoice& choice,
                                           absl::Span<const at::Tensor> vectors);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_CHUNK_ENCODER_H_
