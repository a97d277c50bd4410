#ifndef PATCHBAY_HOST_RUNTIME_CHECKPOINT_UNET_FILE_H_
#define PATCHBAY_HOST_RUNTIME_CHECKPOINT_UNET_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "host/formats/safetensors.h"
#include "host/runtime/checkpoint/checkpoint.h"

namespace patchbay {

// The model that the other parts of a file with a U-Net alone come from: text encoders,
// autoencoder, scheduler and the configuration. It is
//   - the diffusers folder that the file lies in, or whose folder "unet" it lies in; or else
//   - the diffusers folder NAME or the file NAME.safetensors beside it where its own name begins
//     with NAME, which ends there or goes on with something that is no letter or digit:
//     sd15-Q4_K.gguf goes with sd15. The longest NAME counts, the folder before the file.
// INVALID_ARGUMENT says where it could be put.
absl::StatusOr<std::string> FindOtherParts(const std::string& path);

// OpenCheckpoint for a GGUF file of Stable Diffusion 1, 2, SDXL or its refiner. One that has every
// component in the layout of latent diffusion (stable-diffusion.cpp) is a whole model, wherever it
// lies. Of any other the U-Net is used, with the other parts that FindOtherParts finds. Its tensors
// are named as latent diffusion names them, with or without "model.diffusion_model."
// (ComfyUI-GGUF), or as diffusers does; tensors of other components are not used. INVALID_ARGUMENT
// also when it does not fit the other parts.
absl::StatusOr<Checkpoint> OpenGgufCheckpoint(const std::string& path,
                                              const OpenCheckpointOptions& options);

// The same for a U-Net whose weights are integers (integer_weight_file.h).
absl::StatusOr<Checkpoint> OpenIntegerCheckpoint(const SafetensorsFile& file,
                                                 const OpenCheckpointOptions& options);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_CHECKPOINT_UNET_FILE_H_
