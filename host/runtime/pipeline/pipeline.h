#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_PIPELINE_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_PIPELINE_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "host/runtime/hooks/sampling_hooks.h"
#include "host/runtime/nn/operator_table.h"
#include "host/runtime/pipeline/generation_observer.h"
#include "host/runtime/pipeline/generation_request.h"
#include "host/runtime/pipeline/loaded_model.h"
#include "host/runtime/pipeline/prompt_resolution.h"

namespace patchbay {

// LoRAs of one job as side branches; empty where there are none or they have been merged.
struct LoraPatches {
  OperatorTable unet;
  std::vector<std::shared_ptr<const OperatorTable>> text_encoders;
};

// Prompt to pictures, for a request that CheckRequest() lets pass: encodes the text, runs the
// passes, decodes. INVALID_ARGUMENT names the field of the request that cannot be met, CANCELLED
// when the observer asked for it, DATA_LOSS when a network gives numbers that are not finite. May
// throw what LibTorch throws; the engine catches it. hooks: the chain of plugins, null for none;
// its errors name the plugin. The request's own prompts and LoRAs are not looked at: the former are
// in `prompts`, the latter in `model` or in `loras` already.
absl::StatusOr<GenerationResult> GeneratePictures(const LoadedModel& model,
                                                  const LoraPatches& loras, const ModelHooks* hooks,
                                                  const GenerationRequest& request,
                                                  const ResolvedPrompts& prompts,
                                                  GenerationObserver& observer);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_PIPELINE_H_
