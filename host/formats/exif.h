#ifndef PATCHBAY_HOST_FORMATS_EXIF_H_
#define PATCHBAY_HOST_FORMATS_EXIF_H_

#include <cstddef>
#include <string>

#include "absl/types/span.h"
#include "host/formats/picture.h"

namespace patchbay {

// The orientation (1 to 8) that an EXIF block asks for; 1, upright, when it says nothing or is
// damaged. `exif` begins with the TIFF header ("II" or "MM").
int ReadExifOrientation(absl::Span<const std::byte> exif);

// An EXIF block (from the TIFF header on) whose only entry is a UserComment in Unicode: where the
// web UI keeps a picture's parameters in JPEG and WebP files.
std::string MakeExifComment(const std::string& comment);

// Turns and mirrors a picture as an EXIF orientation asks, so that it is upright without it.
Picture ApplyOrientation(Picture picture, int orientation);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_EXIF_H_
