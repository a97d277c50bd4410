#include <cstring>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "host/formats/picture.h"
#include "host/formats/picture_codecs.h"

namespace patchbay {

absl::Status CheckPictureSize(uint64_t width, uint64_t height, const PictureLimits& limits) {
  const auto side = static_cast<uint64_t>(limits.max_side);
  if (width >= 1 && height >= 1 && width <= side && height <= side &&
      width * height <= static_cast<uint64_t>(limits.max_pixels)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("the picture is ", width, "x", height,
                                                 "; at most ", limits.max_side, " a side and ",
                                                 limits.max_pixels, " pixels are read"));
}

absl::StatusOr<Picture> DecodePicture(absl::Span<const std::byte> bytes,
                                      const PictureLimits& limits) {
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()),
                               bytes.size() < 16 ? bytes.size() : 16);
  if (start.substr(0, 8) == "\x89PNG\r\n\x1a\n") return DecodePng(bytes, limits);
  if (start.substr(0, 3) == "\xff\xd8\xff") return DecodeJpeg(bytes, limits);
  if (start.substr(0, 4) == "RIFF" && start.size() >= 12 && start.substr(8, 4) == "WEBP") {
    return DecodeWebp(bytes, limits);
  }
  return absl::InvalidArgumentError("this is no PNG, JPEG or WebP picture");
}

}  // namespace patchbay
