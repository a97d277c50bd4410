#include "host/engine/jobs/picture_format.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace patchbay {
namespace {

constexpr int kQuality = 95;
constexpr PictureFormat kFormats[] = {PictureFormat::kPng, PictureFormat::kJpeg,
                                      PictureFormat::kWebp};

}  // namespace

std::string_view PictureFormatName(PictureFormat format) {
  return MediaType(format).substr(sizeof("image/") - 1);
}

std::optional<PictureFormat> ParsePictureFormat(std::string_view name) {
  for (const PictureFormat format : kFormats) {
    if (PictureFormatName(format) == name) return format;
  }
  return std::nullopt;
}

std::string_view MediaType(PictureFormat format) {
  switch (format) {
    case PictureFormat::kPng:
      return "image/png";
    case PictureFormat::kJpeg:
      return "image/jpeg";
    case PictureFormat::kWebp:
      return "image/webp";
  }
  return "image/png";
}

std::optional<PictureFormat> PictureFormatOfFile(std::string_view path) {
  const std::string lower = absl::AsciiStrToLower(std::string(path));
  if (absl::EndsWith(lower, ".png")) return PictureFormat::kPng;
  if (absl::EndsWith(lower, ".jpg") || absl::EndsWith(lower, ".jpeg")) return PictureFormat::kJpeg;
  if (absl::EndsWith(lower, ".webp")) return PictureFormat::kWebp;
  return std::nullopt;
}

absl::StatusOr<std::string> EncodePicture(const Picture& picture,
                                          const std::map<std::string, std::string>& metadata,
                                          PictureFormat format) {
  if (format == PictureFormat::kPng) return EncodePng(picture, metadata);
  const auto parameters = metadata.find("parameters");
  const std::string comment = parameters == metadata.end() ? "" : parameters->second;
  return format == PictureFormat::kJpeg ? EncodeJpeg(picture, kQuality, comment)
                                        : EncodeWebp(picture, kQuality, comment);
}

}  // namespace patchbay
