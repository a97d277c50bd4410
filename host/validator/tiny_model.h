#ifndef PATCHBAY_HOST_VALIDATOR_TINY_MODEL_H_
#define PATCHBAY_HOST_VALIDATOR_TINY_MODEL_H_

#include <memory>

#include "absl/status/statusor.h"
#include "host/runtime/pipeline/loaded_model.h"

namespace patchbay {

// A model with the structure of Stable Diffusion 1, 2 (velocity prediction, linear projections) or
// XL (two text encoders, size conditioning, deeper transformers and none in the outermost level),
// small widths and random weights, for trying plugins on: every kind of site that the family has is
// there under its usual name. Made for pictures of kTinyModelPixels; the same bits at every call.
// On the processor, fp32 or bf16.
inline constexpr int kTinyModelPixels = 64;
absl::StatusOr<std::unique_ptr<const LoadedModel>> MakeTinyModel(ModelFamily family,
                                                                 at::ScalarType precision);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_VALIDATOR_TINY_MODEL_H_
