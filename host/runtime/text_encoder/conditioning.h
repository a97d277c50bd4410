#ifndef PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_CONDITIONING_H_
#define PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_CONDITIONING_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/base/compat_profile.h"
#include "host/runtime/text_encoder/chunk_encoder.h"
#include "host/runtime/text_encoder/emphasis.h"
#include "host/runtime/text_encoder/textual_inversion.h"

namespace patchbay {

// The text side of a loaded model.
struct TextModel {
  // One encoder, or two whose hidden states are joined on their width (SDXL: CLIP-L, bigG).
  std::vector<ConditioningEncoder> encoders;
  HiddenStateRule rule = HiddenStateRule::kNormalizedLast;
  // diffusers: an absent negative prompt is all zeros instead of an encoded empty text
  // (force_zeros_for_empty_prompt in SDXL's model_index.json).
  bool zeros_for_absent_negative = false;
};

struct ConditioningRequest {
  // One for each picture of the batch.
  std::vector<std::string> prompts;
  // Likewise; an absent one is the empty text, except where diffusers makes it zeros. Empty list:
  // absent for all.
  std::vector<std::optional<std::string>> negative_prompts;
  CompatProfile profile = CompatProfile::kDiffusers;
  // As the profile counts; see ChooseHiddenState(). As in diffusers, its profile skips nothing for
  // negative prompts.
  std::optional<int> clip_skip;
  // Default: the profile's own.
  std::optional<EmphasisRule> emphasis;
  // See PromptOptions.
  int64_t calls = 1;
  std::optional<int64_t> calls_before;
  // Loaded textual inversions.
  std::vector<TextualInversion> embeddings;
};

// What the denoiser gets for one operand of AND. B: pictures, T: a multiple of the sequence length
// (77), D: width of all encoders together, P: width of the pooled vector.
struct ConditioningPart {
  at::Tensor hidden;  // [B, T, D]
  at::Tensor pooled;  // [B, P]; undefined where the model takes none
  // [B]: guidance is the sum of weight * (part - negative) over all parts. A picture whose prompt
  // has fewer operands than another's has weight 0 for the rest.
  std::vector<double> weights;
};

// What holds during the denoiser calls [first_call, end_call).
struct ConditioningStage {
  int64_t first_call = 0;
  int64_t end_call = 0;
  // At least one; more only with AND, never for negative prompts.
  std::vector<ConditioningPart> parts;
};

// Stages lie in order without gaps and cover all calls; without prompt editing there is one. T is
// the same everywhere, so that any two parts can be batched: shorter prompts are repeated, which
// leaves cross-attention as it is.
struct Conditioning {
  std::vector<ConditioningStage> positive;
  std::vector<ConditioningStage> negative;
  std::vector<std::string> warnings;
};

// Reads the prompts by the profile's rules and encodes them. Tensors come in the encoders'
// precision and on their device. INVALID_ARGUMENT: prompts too long, an embedding for another
// model, a tokenizer or a clip skip that does not fit.
absl::StatusOr<Conditioning> EncodePrompts(const TextModel& model,
                                           const ConditioningRequest& request);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_CONDITIONING_H_
