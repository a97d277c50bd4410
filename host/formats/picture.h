#ifndef PATCHBAY_HOST_FORMATS_PICTURE_H_
#define PATCHBAY_HOST_FORMATS_PICTURE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace patchbay {

// A picture of 8 bits a channel, row by row from the top, channels side by side.
struct Picture {
  int width = 0;
  int height = 0;
  int channels = 3;  // 1: grey, 3: RGB, 4: RGB and opacity, not premultiplied
  std::vector<uint8_t> pixels;
};

struct PictureLimits {
  int64_t max_pixels = 64 << 20;
  int max_side = 32768;
};

// Reads a PNG, JPEG or WebP file, whichever its first bytes say it is. 16 bits are reduced to 8,
// palettes resolved, CMYK converted, and the picture is turned as its EXIF orientation says.
// INVALID_ARGUMENT says what is wrong: another format, an animation, a truncated or damaged file, a
// size beyond the limits, which is noticed before memory is taken.
absl::StatusOr<Picture> DecodePicture(absl::Span<const std::byte> bytes,
                                      const PictureLimits& limits = {});

// A PNG file with text chunks, keyword to text in UTF-8 (tEXt where ASCII suffices, else iTXt).
// Keywords are 1 to 79 ASCII characters. INVALID_ARGUMENT when the picture or a text cannot be
// written; so do the other two.
absl::StatusOr<std::string> EncodePng(const Picture& picture,
                                      const std::map<std::string, std::string>& text = {});
// quality 1 to 100, nearer where it is not; the comment goes into EXIF's UserComment. Opacity is
// dropped.
absl::StatusOr<std::string> EncodeJpeg(const Picture& picture, int quality,
                                       const std::string& comment = "");
// Likewise; at most 16383 pixels a side.
absl::StatusOr<std::string> EncodeWebp(const Picture& picture, int quality,
                                       const std::string& comment = "");

// The text chunks of a PNG file (tEXt, zTXt, iTXt), as UTF-8; the first of a keyword counts. Chunks
// that unpack to more than 8 MiB are left out.
absl::StatusOr<std::map<std::string, std::string>> ReadPngText(absl::Span<const std::byte> bytes,
                                                               const PictureLimits& limits = {});

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_PICTURE_H_
