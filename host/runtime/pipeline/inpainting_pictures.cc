#include "host/runtime/pipeline/inpainting_pictures.h"

#include <algorithm>

#include "host/base/status_macros.h"
#include "host/formats/picture_resize.h"

namespace patchbay {
namespace {

constexpr int kFull = 255;
constexpr size_t kColours = 3;

// (a share + b (255 - share)) / 255, rounded.
uint8_t Mixed(int a, int b, int share) {
  return static_cast<uint8_t>((a * share + b * (kFull - share) + kFull / 2) / kFull);
}

size_t Pixels(const Picture& picture) {
  return static_cast<size_t>(picture.width) * static_cast<size_t>(picture.height);
}

// A colour of a pixel, over white.
uint8_t ColourOf(const Picture& picture, size_t pixel, size_t colour) {
  const auto channels = static_cast<size_t>(picture.channels);
  const uint8_t* values = picture.pixels.data() + pixel * channels;
  if (channels == 1) return values[0];
  return channels == 4 ? Mixed(values[colour], kFull, values[kColours]) : values[colour];
}

absl::StatusOr<Picture> SizedAs(const Picture& like, const Picture& picture) {
  if (picture.width == like.width && picture.height == like.height) return picture;
  return ResizePicture(picture, like.width, like.height, ResizeFilter::kLanczos);
}

// PIL's convert("L"), ITU-R 601-2.
uint8_t Luma(const uint8_t* rgb) {
  return static_cast<uint8_t>((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16);
}

bool IsTransparentAnywhere(const Picture& picture) {
  if (picture.channels != 4) return false;
  for (size_t i = kColours; i < picture.pixels.size(); i += 4) {
    if (picture.pixels[i] != kFull) return true;
  }
  return false;
}

}  // namespace

Picture GreyMask(const Picture& mask) {
  if (mask.channels == 1) return mask;
  const bool by_opacity = IsTransparentAnywhere(mask);
  Picture grey = {mask.width, mask.height, 1, std::vector<uint8_t>(Pixels(mask))};
  const auto channels = static_cast<size_t>(mask.channels);
  for (size_t i = 0; i < grey.pixels.size(); ++i) {
    const uint8_t* values = mask.pixels.data() + i * channels;
    grey.pixels[i] = by_opacity ? values[kColours] : Luma(values);
  }
  return grey;
}

bool PaintsNothing(const Picture& grey_mask) {
  return std::all_of(grey_mask.pixels.begin(), grey_mask.pixels.end(),
                     [](uint8_t value) { return value <= kFull / 2; });
}

absl::StatusOr<Picture> WithOriginalOver(const Picture& drawn, const Picture& original,
                                         const Picture& grey_mask) {
  PATCHBAY_ASSIGN_OR_RETURN(const Picture under, SizedAs(drawn, original));
  PATCHBAY_ASSIGN_OR_RETURN(const Picture mask, SizedAs(drawn, grey_mask));
  Picture result = {drawn.width, drawn.height, static_cast<int>(kColours), {}};
  result.pixels.resize(Pixels(drawn) * kColours);
  for (size_t pixel = 0; pixel < Pixels(drawn); ++pixel) {
    const int kept = kFull - std::min(2 * mask.pixels[pixel], kFull);
    for (size_t colour = 0; colour < kColours; ++colour) {
      result.pixels[pixel * kColours + colour] =
          Mixed(ColourOf(under, pixel, colour), ColourOf(drawn, pixel, colour), kept);
    }
  }
  return result;
}

}  // namespace patchbay
