#include "host/runtime/text_encoder/conditioning.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/runtime/text_encoder/conditioning_stages.h"
#include "host/runtime/text_encoder/prompt_encoder.h"

namespace patchbay {
namespace {

// Repeating prompts to a common length beyond this costs more than it is worth.
constexpr int64_t kMaxRepeatedTokens = 64 * 77;

absl::Status CheckRequest(const TextModel& model, const ConditioningRequest& request) {
  if (model.encoders.empty()) return absl::InvalidArgumentError("the model has no text encoder");
  if (request.prompts.empty()) return absl::InvalidArgumentError("no prompt was given");
  const size_t negatives = request.negative_prompts.size();
  if (negatives != 0 && negatives != request.prompts.size()) {
    return absl::InvalidArgumentError(absl::StrCat("there are ", request.prompts.size(),
                                                   " prompts and ", negatives,
                                                   " negative prompts; give one for each or none"));
  }
  if (request.calls < 1) return absl::InvalidArgumentError("at least one step is needed");
  return absl::OkStatus();
}

// Whether SDXL's negative conditioning is all zeros instead of an encoded text. A1111 looks at the
// batch as a whole.
bool NegativeIsZero(const TextModel& model, const ConditioningRequest& request, size_t picture) {
  if (model.rule != HiddenStateRule::kPenultimate) return false;
  const auto& negatives = request.negative_prompts;
  switch (request.profile) {
    case CompatProfile::kDiffusers:
      return model.zeros_for_absent_negative &&
             (negatives.empty() || !negatives[picture].has_value());
    case CompatProfile::kA1111:
      return negatives.empty() || negatives[picture].value_or("").empty();
    case CompatProfile::kComfyUi:
      break;
  }
  return false;
}

void SetToZero(EncodedPrompt& prompt) {
  for (EncodedSubPrompt& sub_prompt : prompt.sub_prompts) {
    sub_prompt.hidden = at::zeros_like(sub_prompt.hidden);
    if (sub_prompt.pooled.defined()) sub_prompt.pooled = at::zeros_like(sub_prompt.pooled);
  }
}

// Which text, read as a prompt or a negative one, set to zero or not.
struct TextKey {
  std::string text;
  bool negative = false;
  bool zero = false;
  auto operator<=>(const TextKey&) const = default;
};

}  // namespace

absl::StatusOr<Conditioning> EncodePrompts(const TextModel& model,
                                           const ConditioningRequest& request) {
  PATCHBAY_RETURN_IF_ERROR(CheckRequest(model, request));
  PATCHBAY_ASSIGN_OR_RETURN(PromptEncoder encoder, PromptEncoder::Create(model, request));

  // Pictures that share a prompt share its encoding.
  std::map<TextKey, EncodedPrompt> encoded;
  const auto encode = [&](TextKey key) -> absl::StatusOr<const EncodedPrompt*> {
    auto known = encoded.find(key);
    if (known == encoded.end()) {
      PATCHBAY_ASSIGN_OR_RETURN(EncodedPrompt prompt, encoder.Encode(key.text, key.negative));
      if (key.zero) SetToZero(prompt);
      known = encoded.emplace(std::move(key), std::move(prompt)).first;
    }
    return &known->second;
  };

  std::vector<const EncodedPrompt*> positive;
  std::vector<const EncodedPrompt*> negative;
  for (size_t i = 0; i < request.prompts.size(); ++i) {
    PATCHBAY_ASSIGN_OR_RETURN(const EncodedPrompt* one, encode({request.prompts[i], false, false}));
    positive.push_back(one);
    const std::string text =
        request.negative_prompts.empty() ? "" : request.negative_prompts[i].value_or("");
    PATCHBAY_ASSIGN_OR_RETURN(one, encode({text, true, NegativeIsZero(model, request, i)}));
    negative.push_back(one);
  }

  std::vector<EncodedPrompt*> all;
  for (auto& [key, prompt] : encoded) all.push_back(&prompt);
  at::Tensor empty_chunk;
  if (CommonLength(all) > kMaxRepeatedTokens) {
    PATCHBAY_ASSIGN_OR_RETURN(empty_chunk, encoder.EncodeEmptyChunk());
  }
  if (EqualizeLengths(all, empty_chunk, kMaxRepeatedTokens)) {
    encoder.warnings().emplace_back(
        "the prompts' lengths differ so much that the shorter ones were filled up with empty text");
  }
  return Conditioning{AssembleStages(positive), AssembleStages(negative),
                      std::move(encoder.warnings())};
}

}  // namespace patchbay
