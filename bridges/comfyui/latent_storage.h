#ifndef PATCHBAY_BRIDGES_COMFYUI_LATENT_STORAGE_H_
#define PATCHBAY_BRIDGES_COMFYUI_LATENT_STORAGE_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "bridges/comfyui/node_class.h"
#include "bridges/common/float_planes.h"

namespace patchbay::comfyui {

// Pixels of a picture to one number of its latent, along a side.
inline constexpr int kLatentScale = 8;
// Numbers of a latent at one place.
inline constexpr int kLatentChannels = 4;

// Whose scale numbers have: a model's denoiser's, or (nothing) that of autoencoders.
using LatentSpace = std::optional<std::string>;

// The latent's numbers in its own space; zeros for an empty one. Pictures are encoded, one host job
// each. Other errors: those of the host.
absl::StatusOr<FloatPlanes> NumbersOf(const LatentValue& latent, NodeCall& call);
// The same in another space.
absl::StatusOr<FloatPlanes> NumbersIn(const LatentSpace& space, const LatentValue& latent,
                                      NodeCall& call);

// The id of a host artifact with the latent's numbers as the model's denoiser takes them.
absl::StatusOr<std::string> ArtifactFor(const std::string& model, const LatentValue& latent,
                                        NodeCall& call);

// The latent with other numbers: size and batch follow from them, mask and noises stay.
LatentValue WithNumbers(const LatentValue& latent, FloatPlanes numbers);

// The picture that a model's autoencoder makes of each.
absl::StatusOr<ImageValue> Decode(const LatentValue& latent, const std::string& model,
                                  NodeCall& call);

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_LATENT_STORAGE_H_
