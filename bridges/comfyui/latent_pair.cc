#include "bridges/comfyui/latent_pair.h"

#include "absl/strings/str_cat.h"
#include "bridges/comfyui/latent_storage.h"
#include "bridges/common/interpolation.h"
#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {

absl::StatusOr<LatentPair> ReadLatentPair(const std::string& first, const std::string& second,
                                          NodeCall& call) {
  LatentPair pair{call.Get<LatentValue>(first), {}, {}};
  const auto& other = call.Get<LatentValue>(second);
  if (pair.latent.IsEmpty()) pair.latent.model = other.model;
  BRIDGE_ASSIGN_OR_RETURN(pair.first, NumbersOf(pair.latent, call));
  BRIDGE_ASSIGN_OR_RETURN(pair.second, NumbersIn(pair.latent.model, other, call));
  if (pair.first.channels != pair.second.channels) {
    return absl::InvalidArgumentError(absl::StrCat("the latents have ", pair.first.channels,
                                                   " and ", pair.second.channels, " channels"));
  }
  return pair;
}

absl::StatusOr<FloatPlanes> SecondSizedAsFirst(const LatentPair& pair) {
  if (pair.second.width == pair.first.width && pair.second.height == pair.first.height) {
    return pair.second;
  }
  return Upscaled(pair.second, pair.first.width, pair.first.height, Interpolation::kBilinear,
                  /*crop_center=*/true);
}

}  // namespace patchbay::comfyui
