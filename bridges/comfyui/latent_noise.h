#ifndef PATCHBAY_BRIDGES_COMFYUI_LATENT_NOISE_H_
#define PATCHBAY_BRIDGES_COMFYUI_LATENT_NOISE_H_

#include <cstdint>
#include <vector>

#include "bridges/common/float_planes.h"

namespace patchbay::comfyui {

// Unit-variance noise of the shape, as ComfyUI draws it for latents that know their place in a
// batch (comfy/sample.py, prepare_noise): item i is the draw number indices[i], from 0 on, of
// PyTorch's CPU generator with this seed. One index for each item, 0 to 4095.
FloatPlanes SeededNoise(uint64_t seed, const std::vector<int>& indices, const FloatPlanes& shape);

// Whether that is the same as one draw for the whole batch.
bool IsPlainNoise(const std::vector<int>& indices, const FloatPlanes& shape);

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_LATENT_NOISE_H_
