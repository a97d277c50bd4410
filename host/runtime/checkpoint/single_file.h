#ifndef PATCHBAY_HOST_RUNTIME_CHECKPOINT_SINGLE_FILE_H_
#define PATCHBAY_HOST_RUNTIME_CHECKPOINT_SINGLE_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "host/runtime/checkpoint/checkpoint.h"

namespace patchbay {

// OpenCheckpoint for one safetensors file in the layout of latent diffusion: Stable Diffusion 1 and
// 2, SDXL, its refiner, Playground v2.5 and what has been trained from them.
absl::StatusOr<Checkpoint> OpenSingleFile(const std::string& path,
                                          const OpenCheckpointOptions& options);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_CHECKPOINT_SINGLE_FILE_H_
