#ifndef PATCHBAY_BRIDGES_COMFYUI_IMAGE_SCALING_H_
#define PATCHBAY_BRIDGES_COMFYUI_IMAGE_SCALING_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bridges/comfyui/node_value.h"

namespace patchbay::comfyui {

// How ComfyUI's image nodes can interpolate.
std::vector<std::string> ImageScalingNames();

// Pictures of another size, as ComfyUI's common_upscale makes them, rounded to 8 bits: "lanczos" is
// Pillow's, the others are PyTorch's (interpolation.h). `crop_center` first cuts evenly what does
// not fit the new shape. INVALID_ARGUMENT for sizes beyond what is allowed.
absl::StatusOr<std::vector<Picture>> ScaledPictures(const std::vector<Picture>& pictures, int width,
                                                    int height, const std::string& method,
                                                    bool crop_center);

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_IMAGE_SCALING_H_
