#include "bridges/comfyui/image_scaling.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "bridges/comfyui/core_nodes.h"
#include "bridges/common/interpolation.h"
#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {
namespace {

constexpr char kLanczos[] = "lanczos";

constexpr int64_t kMostPixels = int64_t{64} << 20;
constexpr int64_t kMostPixelsTogether = int64_t{512} << 20;

}  // namespace

absl::Status CheckPictureSizes(size_t count, int64_t width, int64_t height) {
  if (width < 1 || height < 1 || width > kMaxSide || height > kMaxSide) {
    return absl::InvalidArgumentError(absl::StrCat("a picture of ", width, "x", height,
                                                   " cannot be made; a side has 1 to ", kMaxSide,
                                                   " pixels"));
  }
  const auto pictures = std::max<int64_t>(static_cast<int64_t>(count), 1);
  if (width * height <= kMostPixels && width * height <= kMostPixelsTogether / pictures) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(count, count == 1 ? " picture of " : " pictures of ", width, "x", height,
                   " would have more pixels than can be kept, which are ", kMostPixels,
                   " each and ", kMostPixelsTogether, " together; choose a smaller size"));
}

std::vector<std::string> ImageScalingNames() {
  return {"nearest-exact", "bilinear", "area", "bicubic", kLanczos};
}

absl::StatusOr<std::vector<Picture>> ScaledPictures(const std::vector<Picture>& pictures, int width,
                                                    int height, const std::string& method,
                                                    bool crop_center) {
  BRIDGE_RETURN_IF_ERROR(CheckPictureSizes(pictures.size(), width, height));
  const auto interpolation = InterpolationNamed(method);
  std::vector<Picture> scaled;
  // One by one, so that not all of them are there as numbers.
  for (const Picture& picture : pictures) {
    if (interpolation.has_value()) {
      BRIDGE_ASSIGN_OR_RETURN(const FloatPlanes planes, Upscaled(PlanesOf({picture}), width, height,
                                                                 *interpolation, crop_center));
      scaled.push_back(PicturesOf(planes).front());
      continue;
    }
    PictureArea area{0, 0, picture.width, picture.height};
    if (crop_center) {
      BRIDGE_ASSIGN_OR_RETURN(area, CenteredArea(picture.width, picture.height, width, height));
    }
    scaled.push_back(Resize(Crop(picture, area.x, area.y, area.width, area.height), width, height,
                            ResizeFilter::kLanczos));
  }
  return scaled;
}

}  // namespace patchbay::comfyui
