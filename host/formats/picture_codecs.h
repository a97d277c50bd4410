#ifndef PATCHBAY_HOST_FORMATS_PICTURE_CODECS_H_
#define PATCHBAY_HOST_FORMATS_PICTURE_CODECS_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "host/formats/picture.h"

namespace patchbay {

// One reader for each file format; DecodePicture chooses between them.
absl::StatusOr<Picture> DecodePng(absl::Span<const std::byte> bytes, const PictureLimits& limits);
absl::StatusOr<Picture> DecodeJpeg(absl::Span<const std::byte> bytes, const PictureLimits& limits);
absl::StatusOr<Picture> DecodeWebp(absl::Span<const std::byte> bytes, const PictureLimits& limits);

// Whether a picture that is to be written has 1, 3 or 4 channels and as many pixels as it says.
absl::Status CheckPicture(const Picture& picture);

// To be asked before memory is taken for a picture.
absl::Status CheckPictureSize(uint64_t width, uint64_t height, const PictureLimits& limits);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_PICTURE_CODECS_H_
