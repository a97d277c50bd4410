#ifndef PATCHBAY_BRIDGES_COMMON_INTERPOLATION_H_
#define PATCHBAY_BRIDGES_COMMON_INTERPOLATION_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bridges/common/float_planes.h"

namespace patchbay {

enum class Interpolation { kNearestExact, kBilinear, kArea, kBicubic, kBislerp };

// "nearest-exact", "bilinear", "area", "bicubic", "bislerp"; nothing for other names.
std::optional<Interpolation> InterpolationNamed(const std::string& name);
// The names, in the order in which ComfyUI's nodes list them.
const std::vector<std::string>& InterpolationNames();

// Planes of another size, from 1x1 on, by PyTorch's torch.nn.functional.interpolate without
// align_corners and antialias. kBislerp interpolates along lines and then columns, treating the
// channels of a place as a vector: its direction along the great circle, its length linearly.
// INVALID_ARGUMENT when the result is too large.
absl::StatusOr<FloatPlanes> Interpolate(const FloatPlanes& planes, int width, int height,
                                        Interpolation method);

// A part of something, at (x, y).
struct PictureArea {
  int x = 0, y = 0, width = 0, height = 0;
};
// What is left of a size when it is cut evenly at both ends to another one's shape.
// INVALID_ARGUMENT when nothing is.
absl::StatusOr<PictureArea> CenteredArea(int width, int height, int new_width, int new_height);

// As ComfyUI's common_upscale: `crop_center` first cuts evenly what does not fit the new shape.
absl::StatusOr<FloatPlanes> Upscaled(const FloatPlanes& planes, int width, int height,
                                     Interpolation method, bool crop_center);

}  // namespace patchbay

#endif  // PATCHBAY_BRIDGES_COMMON_INTERPOLATION_H_
