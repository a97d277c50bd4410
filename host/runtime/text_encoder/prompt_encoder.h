#ifndef PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_PROMPT_ENCODER_H_
#define PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_PROMPT_ENCODER_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "host/runtime/prompt/prompt.h"
#include "host/runtime/text_encoder/conditioning.h"

namespace patchbay {

// One prompt (of one picture) encoded. Stages of a sub-prompt that say the same share a row.
struct EncodedSubPrompt {
  struct Stage {
    int64_t first_call = 0;
    int64_t end_call = 0;
    int64_t row = 0;
  };
  double weight = 1;
  std::vector<Stage> stages;
  at::Tensor hidden;  // [rows, chunks * T, D]
  at::Tensor pooled;  // [rows, P] or undefined
};

struct EncodedPrompt {
  std::vector<EncodedSubPrompt> sub_prompts;
};

// Encodes single prompts for one request. One thread at a time.
class PromptEncoder {
 public:
  // Checks that embeddings and clip skip fit the model. Both arguments must outlive the object.
  static absl::StatusOr<PromptEncoder> Create(const TextModel& model,
                                              const ConditioningRequest& request);

  // `negative`: AND is no operator there.
  absl::StatusOr<EncodedPrompt> Encode(std::string_view text, bool negative);
  // One chunk of the empty prompt: hidden [1, T, D].
  absl::StatusOr<at::Tensor> EncodeEmptyChunk();

  // A text's tokens for the first encoder, without encoding them.
  absl::StatusOr<Prompt> Compile(std::string_view text, bool negative) const {
    return CompileFor(slots_.front(), text, negative);
  }
  // The tokens of words as such a text has them, without any syntax.
  std::vector<int32_t> PhraseTokens(std::string_view phrase) const;

  std::vector<std::string>& warnings() { return warnings_; }

 private:
  // What belongs to one of the encoders.
  struct Slot {
    const ConditioningEncoder* encoder = nullptr;
    HiddenStateChoice choice;
    HiddenStateChoice negative_choice;  // for negative prompts
    std::vector<at::Tensor> vectors;
    std::vector<EmbeddingName> names;
  };
  // The rows (distinct stages) of a sub-prompt for one encoder.
  struct Rows {
    std::vector<std::vector<TokenChunk>> chunks;
    std::vector<int64_t> multiplicity;
  };

  PromptEncoder(const TextModel& model, const ConditioningRequest& request)
      : model_(&model), request_(&request) {}
  absl::StatusOr<Prompt> CompileFor(const Slot& slot, std::string_view text, bool negative) const;
  absl::StatusOr<EncodedSubPrompt> EncodeSubPrompt(const std::vector<const SubPrompt*>& by_slot,
                                                   bool negative);
  absl::StatusOr<EncodedChunks> EncodeRows(const Slot& slot, const HiddenStateChoice& choice,
                                           const Rows& rows);
  void AddWarnings(const std::vector<std::string>& warnings);

  const TextModel* model_;
  const ConditioningRequest* request_;
  std::vector<Slot> slots_;
  std::vector<std::string> warnings_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_PROMPT_ENCODER_H_
