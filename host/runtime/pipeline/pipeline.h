#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_PIPELINE_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_PIPELINE_H_

#include "absl/status/statusor.h"
#include "host/runtime/pipeline/generation_observer.h"
#include "host/runtime/pipeline/generation_request.h"
#include "host/runtime/pipeline/loaded_model.h"

namespace patchbay {

// Prompt to pictures: encodes the text, runs the passes, decodes. INVALID_ARGUMENT names the field
// of the request that cannot be met, CANCELLED when the observer asked for it. May throw what
// LibTorch throws; the engine catches it.
absl::StatusOr<GenerationResult> GeneratePictures(const LoadedModel& model,
                                                  const GenerationRequest& request,
                                                  GenerationObserver& observer);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_PIPELINE_H_
