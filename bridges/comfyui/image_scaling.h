#ifndef PATCHBAY_BRIDGES_COMFYUI_IMAGE_SCALING_H_
#define PATCHBAY_BRIDGES_COMFYUI_IMAGE_SCALING_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bridges/comfyui/node_value.h"

namespace patchbay::comfyui {

// How ComfyUI's image nodes can interpolate.
std::vector<std::string> ImageScalingNames();

// INVALID_ARGUMENT where one of so many pictures would be larger than those that are read may be,
// or all together larger than memory is to be taken for.
absl::Status CheckPictureSizes(size_t count, int64_t width, int64_t height);

// Pictures of another size, as ComfyUI's common_upscale makes them, rounded to 8 bits: "lanczos" is
// Pillow's, the others are PyTorch's (interpolation.h). `crop_center` first cuts evenly what does
// not fit the new shape. INVALID_ARGUMENT for sizes beyond what is allowed.
absl::StatusOr<std::vector<Picture>> ScaledPictures(const std::vector<Picture>& pictures, int width,
                                                    int height, const std::string& method,
                                                    bool crop_center);

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_IMAGE_SCALING_H_
