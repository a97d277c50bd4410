#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_REQUEST_CHECK_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_REQUEST_CHECK_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/runtime/checkpoint/model_description.h"
#include "host/runtime/pipeline/generation_request.h"

namespace patchbay {

// The size that the pictures will have: the request's, else its picture's rounded down to what the
// model can draw, else the model's own. INVALID_ARGUMENT when it is not a multiple of the latent
// scale or too large.
absl::StatusOr<PictureSize> ResolveSize(const GenerationRequest& request,
                                        const ModelDescription& model);

// Everything about a request that can be refused before any work is done: values that are out of
// range, also where nothing uses them; unknown samplers and schedules; passes without a step;
// folders that do not exist (NOT_FOUND); sizes that no memory of this machine could hold
// (RESOURCE_EXHAUSTED). The message names the field, its value and what is allowed.
absl::Status CheckRequest(const GenerationRequest& request, const ModelDescription& model);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_REQUEST_CHECK_H_
