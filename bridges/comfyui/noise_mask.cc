#include "bridges/comfyui/noise_mask.h"

#include "bridges/comfyui/latent_storage.h"
#include "bridges/common/interpolation.h"
#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {

absl::StatusOr<Picture> NoiseMaskPicture(const MaskValue& mask, int width, int height, int batch) {
  const Picture& first = mask.masks.at(0);
  for (int i = 1; i < batch && i < static_cast<int>(mask.masks.size()); ++i) {
    if (mask.masks[static_cast<size_t>(i)].pixels != first.pixels) {
      return absl::UnimplementedError(
          "the latents of the batch have different masks, and this server takes one mask for all; "
          "sample them one by one (LatentFromBatch)");
    }
  }
  // The host does the same to a mask of the picture's size.
  if (first.width == width && first.height == height) return first;
  BRIDGE_ASSIGN_OR_RETURN(const FloatPlanes small,
                          Interpolate(PlanesOf({first}), width / kLatentScale,
                                      height / kLatentScale, Interpolation::kBilinear));
  // Blocks of one value come out of its interpolation as that value.
  BRIDGE_ASSIGN_OR_RETURN(const FloatPlanes blocks,
                          Interpolate(small, width, height, Interpolation::kNearestExact));
  return PicturesOf(blocks).front();
}

}  // namespace patchbay::comfyui
