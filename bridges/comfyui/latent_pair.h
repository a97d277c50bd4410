#ifndef PATCHBAY_BRIDGES_COMFYUI_LATENT_PAIR_H_
#define PATCHBAY_BRIDGES_COMFYUI_LATENT_PAIR_H_

#include <string>

#include "absl/status/statusor.h"
#include "bridges/comfyui/node_class.h"

namespace patchbay::comfyui {

// Two latents that a node computes with.
struct LatentPair {
  LatentValue latent;  // the first, whose mask and noises the result keeps, in the space of both
  FloatPlanes first, second;
};

// Reads both inputs in one space: the first's, or the second's where the first is empty.
// INVALID_ARGUMENT when they have not equally many channels.
absl::StatusOr<LatentPair> ReadLatentPair(const std::string& first, const std::string& second,
                                          NodeCall& call);

// The second made as large as the first, bilinearly and cut evenly, as ComfyUI's reshape_latent_to.
absl::StatusOr<FloatPlanes> SecondSizedAsFirst(const LatentPair& pair);

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_LATENT_PAIR_H_
