#ifndef PATCHBAY_HOST_FORMATS_PICTURE_RESIZE_H_
#define PATCHBAY_HOST_FORMATS_PICTURE_RESIZE_H_

#include "absl/status/statusor.h"
#include "host/formats/picture.h"

namespace patchbay {

enum class ResizeFilter {
  kBilinear,  // triangle
  kBicubic,   // Keys 1981, a = -0.5
  kLanczos,   // sinc under a window of three lobes
};

// The picture in another size, stretched where the proportions differ. When it shrinks, the filter
// widens with the factor, so that fine structures become grey instead of coarse (antialiasing). The
// rules are those of Pillow's Image.resize, with which it agrees to two levels of 255 where that
// also takes rows before columns: pixels are squares, borders count only what is inside, 8 bits
// between the two passes. Colours are weighted with their opacity, so that what is invisible does
// not bleed. INVALID_ARGUMENT when the picture is not one or the size is beyond the limits.
absl::StatusOr<Picture> ResizePicture(const Picture& picture, int width, int height,
                                      ResizeFilter filter, const PictureLimits& limits = {});

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_PICTURE_RESIZE_H_
