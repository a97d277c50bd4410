#ifndef PATCHBAY_HOST_VALIDATOR_DRAWING_H_
#define PATCHBAY_HOST_VALIDATOR_DRAWING_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/runtime/hooks/sampling_hooks.h"
#include "host/runtime/pipeline/loaded_model.h"
#include "host/runtime/pipeline/request_check.h"

namespace patchbay {

// A job for trying a plugin: small, with classifier-free guidance.
GenerationRequest TrialRequest();

// Draws on the tiny model; the sampler's result. `cancel_before`: the number of the evaluation
// before which the job is cancelled. What a plugin or LibTorch throws comes back as UNKNOWN.
absl::StatusOr<LatentBuffer> Draw(const LoadedModel& model, const ModelHooks* hooks,
                                  const GenerationRequest& request,
                                  std::optional<int> cancel_before = std::nullopt);

// Whether two results are the same bits.
bool SameBits(const LatentBuffer& a, const LatentBuffer& b);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_VALIDATOR_DRAWING_H_
