#ifndef PATCHBAY_BRIDGES_COMMON_LATENT_FILE_H_
#define PATCHBAY_BRIDGES_COMMON_LATENT_FILE_H_

#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "bridges/common/float_planes.h"

namespace patchbay {

// The host's files of latents: safetensors with one tensor "latent" (F32, [B, C, h, w]).
std::string HostLatentFile(const FloatPlanes& latent);
// INVALID_ARGUMENT for files that are damaged or hold something else.
absl::StatusOr<FloatPlanes> ReadHostLatentFile(std::string_view bytes);

// ComfyUI's ".latent" files: safetensors with "latent_tensor", numbers as the autoencoder gives
// them, and an empty "latent_format_version_0".
std::string ComfyLatentFile(const FloatPlanes& latent,
                            const std::map<std::string, std::string>& texts);
// Files from before that mark hold numbers as SD 1's denoiser takes them; they are scaled back. F32
// and F16.
absl::StatusOr<FloatPlanes> ReadComfyLatentFile(std::string_view bytes);

}  // namespace patchbay

#endif  // PATCHBAY_BRIDGES_COMMON_LATENT_FILE_H_
