#ifndef PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_HIDDEN_STATE_CHOICE_H_
#define PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_HIDDEN_STATE_CHOICE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/base/compat_profile.h"

namespace patchbay {

// Which of a text encoder's hidden states a model was trained with.
enum class HiddenStateRule {
  kNormalizedLast,  // the last, through the final layer norm: Stable Diffusion 1 and 2
  kPenultimate,     // the last but one, as it is: SDXL and its refiner
};

struct HiddenStateChoice {
  // Into TextEncoderOutput::hidden_states.
  int64_t index = 0;
  // Whether the final layer norm follows.
  bool normalized = false;
};

// The hidden state for a clip skip as a profile counts it; none for the model's own.
//
// diffusers: k layers less than the model uses by itself. ComfyUI and A1111: the n-th hidden state
// from the end (1: the last), whatever the model uses. So A1111's 2 is diffusers' 1 for Stable
// Diffusion 1. A1111 ignores the number for Stable Diffusion 2 and SDXL, which a warning says.
// `layers` are those of the file; Stable Diffusion 2's OpenCLIP-H has 23 of its 24 there, and the
// UIs count from the 24th: pass 1 for `dropped_layers`. INVALID_ARGUMENT when there is no such
// layer.
absl::StatusOr<HiddenStateChoice> ChooseHiddenState(HiddenStateRule rule, CompatProfile profile,
                                                    std::optional<int> clip_skip, int64_t layers,
                                                    int64_t dropped_layers,
                                                    std::vector<std::string>& warnings);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_HIDDEN_STATE_CHOICE_H_
