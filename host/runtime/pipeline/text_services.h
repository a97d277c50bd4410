#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_TEXT_SERVICES_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_TEXT_SERVICES_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "host/runtime/text_encoder/conditioning.h"
#include "patchbay/abi/step.h"

namespace patchbay {

// What hooks may ask about texts: patchbay_model_functions.encode_text and its neighbours. One
// thread at a time.
class TextServices {
 public:
  // request: how a job's prompts are read and encoded; without prompts, how texts would be. The
  // model must outlive the object.
  TextServices(const TextModel& model, ConditioningRequest request)
      : model_(model), request_(std::move(request)) {}

  // Hidden states [1, T, D] of a text, read as the job's prompts are, or its negative ones, as they
  // are during this denoiser call. INVALID_ARGUMENT: several operands of AND.
  absl::StatusOr<at::Tensor> Encode(std::string_view text, patchbay_row_role role,
                                    int64_t call) const;

  // Where the prompts have a phrase during this call, [R, length] in fp32: 1 at its tokens, else 0.
  // length: of the prompts' hidden states. R: operands of AND times pictures, in the order of
  // ConditioningStage.parts. INVALID_ARGUMENT: a phrase without words.
  absl::StatusOr<at::Tensor> PhrasePositions(std::string_view phrase, int64_t call,
                                             int64_t length) const;

  // A picture's prompt or its negative one; null where there is none. Lives as long as the object.
  const std::string* PromptOf(uint32_t picture, patchbay_row_role role) const;

 private:
  const TextModel& model_;
  const ConditioningRequest request_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_TEXT_SERVICES_H_
