#include <cstring>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "host/formats/picture.h"
#include "host/formats/picture_codecs.h"

namespace patchbay {
namespace {

struct Signature {
  size_t offset;
  std::string_view bytes;
  std::string_view format;
};

// What people offer besides, to be named in the message.
constexpr Signature kForeignPictures[] = {
    {0, "GIF8", "a GIF picture"},
    {0, "BM", "a BMP picture"},
    {0, std::string_view("II*\0", 4), "a TIFF picture"},
    {0, std::string_view("MM\0*", 4), "a TIFF picture"},
    {4, "ftypavif", "an AVIF picture"},
    {4, "ftypheic", "a HEIC picture"},
    {4, "ftypmif1", "a HEIF picture"},
    {0, "\xff\x0a", "a JPEG XL picture"},
    {4, "JXL ", "a JPEG XL picture"},
    {0, "<svg", "an SVG drawing"},
    {0, "<?xml", "an XML document, perhaps an SVG drawing"},
    {0, "<!DOCTYPE", "a web page, perhaps an error message"},
    {0, "<html", "a web page, perhaps an error message"},
};

}  // namespace

absl::Status CheckPicture(const Picture& picture) {
  const bool channels_known =
      picture.channels == 1 || picture.channels == 3 || picture.channels == 4;
  if (picture.width >= 1 && picture.height >= 1 && channels_known &&
      picture.pixels.size() == static_cast<size_t>(picture.width) *
                                   static_cast<size_t>(picture.height) *
                                   static_cast<size_t>(picture.channels)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("cannot write a picture of ", picture.width, "x",
                                                 picture.height, " pixels with ", picture.channels,
                                                 " channels in ", picture.pixels.size(), " bytes"));
}

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
  if (bytes.empty()) return absl::InvalidArgumentError("the picture's file is empty");
  for (const Signature& foreign : kForeignPictures) {
    if (start.size() >= foreign.offset &&
        start.substr(foreign.offset, foreign.bytes.size()) == foreign.bytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("this is ", std::string(foreign.format), "; save it as PNG, JPEG or WebP"));
    }
  }
  return absl::InvalidArgumentError("this is no PNG, JPEG or WebP picture");
}

}  // namespace patchbay
