#ifndef PATCHBAY_BRIDGES_COMFYUI_NOISE_MASK_H_
#define PATCHBAY_BRIDGES_COMFYUI_NOISE_MASK_H_

#include "absl/status/statusor.h"
#include "bridges/comfyui/node_value.h"

namespace patchbay::comfyui {

// The grey picture of `width` x `height` that makes the host use a latent's mask as ComfyUI does:
// interpolated to the latent bilinearly, whatever size the mask has. Values between black and white
// stay, in 256 levels. UNIMPLEMENTED when the latents of a batch have different masks.
absl::StatusOr<Picture> NoiseMaskPicture(const MaskValue& mask, int width, int height, int batch);

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_NOISE_MASK_H_
