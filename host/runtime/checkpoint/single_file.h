#ifndef PATCHBAY_HOST_RUNTIME_CHECKPOINT_SINGLE_FILE_H_
#define PATCHBAY_HOST_RUNTIME_CHECKPOINT_SINGLE_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "host/runtime/checkpoint/checkpoint.h"
#include "host/runtime/checkpoint/checkpoint_file.h"

namespace patchbay {

// OpenCheckpoint for one file in the layout of latent diffusion: Stable Diffusion 1 and 2, SDXL,
// its refiner, Playground v2.5 and what has been trained from them. Names are those of the
// published files, or those that stable-diffusion.cpp gives text encoders.
absl::StatusOr<Checkpoint> OpenSingleFile(const CheckpointFile& file,
                                          const OpenCheckpointOptions& options);
// The same for a safetensors file.
absl::StatusOr<Checkpoint> OpenSingleFile(const std::string& path,
                                          const OpenCheckpointOptions& options);

// Whether a file has a U-Net, an autoencoder and a text encoder in that layout.
bool HoldsEveryComponent(const CheckpointFile& file);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_CHECKPOINT_SINGLE_FILE_H_
