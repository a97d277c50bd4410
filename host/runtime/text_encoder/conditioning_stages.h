#ifndef PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_CONDITIONING_STAGES_H_
#define PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_CONDITIONING_STAGES_H_

#include <vector>

#include "host/runtime/text_encoder/conditioning.h"
#include "host/runtime/text_encoder/prompt_encoder.h"

namespace patchbay {

// Lines the prompts of a batch up in time: a new stage begins wherever any picture's prompt
// changes. All hidden states must have the same length.
std::vector<ConditioningStage> AssembleStages(const std::vector<const EncodedPrompt*>& pictures);

// Gives all hidden states the same length by repeating each a whole number of times. Where that
// would take more than `max_tokens`, shorter ones are filled up with `empty_chunk` [1, T, D]
// instead, as A1111's "pad prompt/negative prompt" does; returns whether that happened.
bool EqualizeLengths(const std::vector<EncodedPrompt*>& prompts, const at::Tensor& empty_chunk,
                     int64_t max_tokens);

// The length that EqualizeLengths() would repeat to.
int64_t CommonLength(const std::vector<EncodedPrompt*>& prompts);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_CONDITIONING_STAGES_H_
