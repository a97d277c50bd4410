#ifndef PATCHBAY_BRIDGES_COMMON_PICTURE_TEXT_H_
#define PATCHBAY_BRIDGES_COMMON_PICTURE_TEXT_H_

#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace patchbay {

// The EXIF block of a JPEG or WebP file, from its TIFF header on; empty where there is none.
std::string ReadExif(std::string_view bytes);

// The texts that a picture file carries, by keyword, in UTF-8. PNG: its text chunks; JPEG and WebP:
// EXIF's UserComment, as "parameters". Empty for other files.
absl::StatusOr<std::map<std::string, std::string>> ReadPictureText(std::string_view bytes);

// The file with these texts in place of those of the same keyword. PNG: tEXt where Latin-1 can say
// it, else iTXt (PNG specification, 11.3.4), before the pixels. JPEG and WebP hold "parameters"
// alone, as EXIF's UserComment. Other files stay as they are.
std::string WithPictureText(std::string_view bytes,
                            const std::map<std::string, std::string>& texts);

}  // namespace patchbay

#endif  // PATCHBAY_BRIDGES_COMMON_PICTURE_TEXT_H_
