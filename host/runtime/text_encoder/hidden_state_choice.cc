#include "host/runtime/text_encoder/hidden_state_choice.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace patchbay {
namespace {

// Which hidden state from the end (1: the last) of the whole network a model uses by itself.
int64_t OwnStop(HiddenStateRule rule, int64_t dropped_layers) {
  return rule == HiddenStateRule::kPenultimate ? 2 : 1 + dropped_layers;
}

}  // namespace

absl::StatusOr<HiddenStateChoice> ChooseHiddenState(HiddenStateRule rule, CompatProfile profile,
                                                    std::optional<int> clip_skip, int64_t layers,
                                                    int64_t dropped_layers,
                                                    std::vector<std::string>& warnings) {
  if (clip_skip.has_value() && *clip_skip < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("clip skip ", *clip_skip, " is negative; give 1, 2, ..."));
  }
  const int64_t own = OwnStop(rule, dropped_layers);
  int64_t stop = own;
  if (profile == CompatProfile::kDiffusers) {
    stop = own + clip_skip.value_or(0);
  } else if (clip_skip.value_or(0) > 0) {
    stop = *clip_skip;
  }
  if (profile == CompatProfile::kA1111 && own != 1 && stop != own) {
    warnings.push_back(absl::StrCat("clip skip ", stop,
                                    " has no effect: A1111 applies it to Stable Diffusion 1 only"));
    stop = own;
  }
  if (stop <= dropped_layers) {
    warnings.push_back(absl::StrCat("clip skip ", stop,
                                    " asks for a layer that this file leaves out; the last one is "
                                    "taken (clip skip ",
                                    dropped_layers + 1, ")"));
    stop = dropped_layers + 1;
  }
  const int64_t index = layers + dropped_layers + 1 - stop;
  if (index < 0) {
    return absl::InvalidArgumentError(absl::StrCat("clip skip ", clip_skip.value_or(0),
                                                   " is too large: the text encoder has ", layers,
                                                   " layers"));
  }
  return HiddenStateChoice{index, rule == HiddenStateRule::kNormalizedLast};
}

}  // namespace patchbay
