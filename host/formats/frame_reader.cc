#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/mapped_file.h"
#include "host/base/status_macros.h"
#include "host/formats/frame_readers.h"
#include "host/formats/frames.h"
#include "host/formats/gif_structure.h"
#include "host/formats/picture_codecs.h"

namespace patchbay {
namespace {

struct Signature {
  size_t offset;
  std::string_view bytes;
  std::string_view name;
};

// What stands at the 5th byte of MP4 and QuickTime files is the first box's type.
constexpr Signature kVideos[] = {{0, "\x1a\x45\xdf\xa3", "matroska"},
                                 {0, "GIF8", "gif"},
                                 {4, "ftyp", "mov"},
                                 {4, "moov", "mov"},
                                 {4, "mdat", "mov"},
                                 {4, "wide", "mov"}};

// These share MP4's signature and hold pictures, about which DecodePicture() says more.
constexpr std::string_view kPicturesInMp4[] = {"avif", "heic", "mif1"};

// What people offer besides, to be named in the message.
constexpr Signature kForeign[] = {
    {0, "ID3", "sound only"},    {0, "fLaC", "sound only"},
    {0, "OggS", "an Ogg file"},  {8, "WAVE", "sound only"},
    {8, "AVI ", "an AVI video"}, {0, "#EXTM3U", "a playlist"},
    {0, "FLV", "a Flash video"}, {0, std::string_view("\0\0\1\xba", 4), "an MPEG-2 video"}};

bool Has(std::string_view start, size_t offset, std::string_view bytes) {
  return start.size() >= offset && start.substr(offset, bytes.size()) == bytes;
}

std::string_view StartOf(absl::Span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), std::min<size_t>(bytes.size(), 16)};
}

// Whether the chunk that makes a PNG file an animation stands before its first pixels.
bool IsPngAnimation(absl::Span<const std::byte> bytes) {
  if (!Has(StartOf(bytes), 0, "\x89PNG\r\n\x1a\n")) return false;
  for (size_t at = 8; at + 8 <= bytes.size();) {
    const auto byte = [&](size_t i) { return static_cast<size_t>(bytes[at + i]); };
    const std::string_view type(reinterpret_cast<const char*>(bytes.data()) + at + 4, 4);
    if (type == "acTL" || type == "IDAT") return type == "acTL";
    at += 12 + (byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3));
  }
  return false;
}

std::string ForeignClip(absl::Span<const std::byte> bytes) {
  for (const Signature& foreign : kForeign) {
    if (Has(StartOf(bytes), foreign.offset, foreign.bytes)) return std::string(foreign.name);
  }
  return "";
}

absl::Status CheckGif(absl::Span<const std::byte> bytes, const PictureLimits& limits) {
  PATCHBAY_ASSIGN_OR_RETURN(const GifStructure gif, ReadGifStructure(bytes));
  if (gif.frame_count == 0) return absl::InvalidArgumentError("the GIF file has no frames");
  return CheckPictureSize(static_cast<uint64_t>(gif.width), static_cast<uint64_t>(gif.height),
                          limits);
}

class StillPicture final : public FrameReader {
 public:
  explicit StillPicture(Picture picture)
      : info_{picture.width, picture.height, {}, 1, false}, picture_(std::move(picture)) {}

  const ClipInfo& info() const override { return info_; }
  absl::StatusOr<std::optional<Picture>> Next() override {
    return std::exchange(picture_, std::nullopt);
  }

 private:
  const ClipInfo info_;
  std::optional<Picture> picture_;
};

absl::Status CheckAmount(int64_t frames, int64_t pixels, const PictureLimits& limits) {
  if (frames > kMostFramesAtOnce) {
    return absl::InvalidArgumentError(absl::StrCat("the clip has more than ", kMostFramesAtOnce,
                                                   " frames; cut it into shorter ones"));
  }
  if (pixels <= limits.max_pixels / frames) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the clip's frames have more than ", limits.max_pixels,
                   " pixels together; cut it into shorter clips, or make it smaller"));
}

}  // namespace

std::string VideoFormatOf(absl::Span<const std::byte> bytes) {
  for (const std::string_view brand : kPicturesInMp4) {
    if (Has(StartOf(bytes), 8, brand)) return "";
  }
  for (const Signature& video : kVideos) {
    if (Has(StartOf(bytes), video.offset, video.bytes)) return std::string(video.name);
  }
  return IsPngAnimation(bytes) ? "apng" : "";
}

bool IsAnimation(absl::Span<const std::byte> bytes) {
  return IsWebpAnimation(bytes) || !VideoFormatOf(bytes).empty() || !ForeignClip(bytes).empty();
}

absl::StatusOr<std::unique_ptr<FrameReader>> OpenFrames(const std::string& path,
                                                        const PictureLimits& limits) {
  PATCHBAY_ASSIGN_OR_RETURN(auto file, MappedFile::Open(path));
  if (IsWebpAnimation(file->bytes())) return OpenWebpAnimation(std::move(file), limits);
  if (const std::string format = VideoFormatOf(file->bytes()); !format.empty()) {
    if (format == "gif") PATCHBAY_RETURN_IF_ERROR(CheckGif(file->bytes(), limits));
    return OpenVideo(path, format, limits);
  }
  if (const std::string foreign = ForeignClip(file->bytes()); !foreign.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "this is ", foreign, "; give an MP4 or WebM video, an animated WebP, PNG or GIF file"));
  }
  PATCHBAY_ASSIGN_OR_RETURN(Picture picture, DecodePicture(file->bytes(), limits));
  return std::make_unique<StillPicture>(std::move(picture));
}

absl::StatusOr<std::vector<Picture>> ReadAllFrames(const std::string& path,
                                                   const PictureLimits& limits) {
  PATCHBAY_ASSIGN_OR_RETURN(const auto reader, OpenFrames(path, limits));
  const int64_t pixels = int64_t{reader->info().width} * reader->info().height;
  std::vector<Picture> frames;
  for (;;) {
    PATCHBAY_ASSIGN_OR_RETURN(std::optional<Picture> frame, reader->Next());
    if (!frame.has_value()) break;
    PATCHBAY_RETURN_IF_ERROR(CheckAmount(static_cast<int64_t>(frames.size()) + 1, pixels, limits));
    frames.push_back(*std::move(frame));
  }
  if (frames.empty()) return absl::InvalidArgumentError("the clip has no frames");
  return frames;
}

}  // namespace patchbay
