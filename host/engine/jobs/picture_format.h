#ifndef PATCHBAY_HOST_ENGINE_JOBS_PICTURE_FORMAT_H_
#define PATCHBAY_HOST_ENGINE_JOBS_PICTURE_FORMAT_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "host/formats/picture.h"

namespace patchbay {

// The file format of finished pictures.
enum class PictureFormat { kPng, kJpeg, kWebp };

// "png", "jpeg", "webp"
std::string_view PictureFormatName(PictureFormat format);
std::optional<PictureFormat> ParsePictureFormat(std::string_view name);
// "image/png", "image/jpeg", "image/webp"
std::string_view MediaType(PictureFormat format);
// By the file name's suffix, in any case: .png, .jpg, .jpeg, .webp; none for others.
std::optional<PictureFormat> PictureFormatOfFile(std::string_view path);

// The file's bytes. `metadata` are the text chunks of a finished picture; formats other than PNG
// keep "parameters" alone, as EXIF's UserComment. Quality is 95 where there is one.
absl::StatusOr<std::string> EncodePicture(const Picture& picture,
                                          const std::map<std::string, std::string>& metadata,
                                          PictureFormat format);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_JOBS_PICTURE_FORMAT_H_
