#include "bridges/webui/script_picture.h"

#include <algorithm>

#include "bridges/common/picture.h"
#include "bridges/common/status_macros.h"
#include "bridges/webui/drawing.h"

namespace patchbay::webui {

absl::StatusOr<std::string> ScriptPicture(const std::string& image, const std::string& mask) {
  BRIDGE_ASSIGN_OR_RETURN(std::string bytes, PictureBytes(image));
  if (mask.empty()) return bytes;
  BRIDGE_ASSIGN_OR_RETURN(const std::string mask_bytes, PictureBytes(mask));
  BRIDGE_ASSIGN_OR_RETURN(const Picture painted, DecodePicture(mask_bytes));
  BRIDGE_ASSIGN_OR_RETURN(const Picture picture, DecodePicture(bytes));
  const Picture grey =
      Resize(WithChannels(painted, 1), picture.width, picture.height, ResizeFilter::kBilinear);
  if (std::all_of(grey.pixels.begin(), grey.pixels.end(), [](uint8_t v) { return v == 0; })) {
    return bytes;
  }
  Picture masked = WithChannels(picture, 4);
  for (size_t i = 0; i < grey.pixels.size(); ++i) masked.pixels[i * 4 + 3] = grey.pixels[i];
  return EncodePng(masked);
}

}  // namespace patchbay::webui
