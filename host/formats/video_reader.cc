#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/formats/exif.h"
#include "host/formats/frame_readers.h"
#include "host/formats/picture_codecs.h"
#include "host/formats/video_process.h"

namespace patchbay {
namespace {

// EXIF's numbers for quarter turns clockwise.
constexpr int kOrientations[] = {1, 6, 3, 8};

absl::Status Nonsense() {
  return absl::InvalidArgumentError("the program that reads videos said what makes no sense");
}

class Video final : public FrameReader {
 public:
  explicit Video(std::unique_ptr<VideoProcess> process) : process_(std::move(process)) {}

  absl::Status ReadInfo(const PictureLimits& limits) {
    PATCHBAY_ASSIGN_OR_RETURN(const VideoMessageHeader header, process_->Receive());
    if (header.kind != VideoMessage::kInfo || header.bytes != sizeof(raw_)) return Nonsense();
    PATCHBAY_RETURN_IF_ERROR(process_->Take({reinterpret_cast<std::byte*>(&raw_), sizeof(raw_)}));
    PATCHBAY_RETURN_IF_ERROR(CheckPictureSize(static_cast<uint64_t>(std::max(raw_.width, 0)),
                                              static_cast<uint64_t>(std::max(raw_.height, 0)),
                                              limits));
    const bool is_known =
        (raw_.channels == 3 || raw_.channels == 4) && raw_.rotation >= 0 && raw_.rotation <= 3;
    if (!is_known) return Nonsense();
    const bool on_side = raw_.rotation % 2 == 1;
    info_.width = on_side ? raw_.height : raw_.width;
    info_.height = on_side ? raw_.width : raw_.height;
    if (raw_.rate_numerator > 0 && raw_.rate_denominator > 0) {
      info_.rate = {raw_.rate_numerator, raw_.rate_denominator};
    }
    info_.frame_count = std::max<int64_t>(raw_.frame_count, 0);
    info_.has_audio = raw_.has_audio != 0;
    return absl::OkStatus();
  }

  const ClipInfo& info() const override { return info_; }

  absl::StatusOr<std::optional<Picture>> Next() override {
    if (has_ended_) return std::nullopt;
    has_ended_ = true;  // unless a frame comes
    PATCHBAY_ASSIGN_OR_RETURN(const VideoMessageHeader header, process_->Receive());
    if (header.kind == VideoMessage::kEnd) return std::nullopt;
    Picture frame{raw_.width, raw_.height, raw_.channels, {}};
    const size_t bytes = static_cast<size_t>(raw_.width) * static_cast<size_t>(raw_.height) *
                         static_cast<size_t>(raw_.channels);
    if (header.kind != VideoMessage::kFrame || header.bytes != bytes) return Nonsense();
    frame.pixels.resize(bytes);
    PATCHBAY_RETURN_IF_ERROR(
        process_->Take({reinterpret_cast<std::byte*>(frame.pixels.data()), bytes}));
    has_ended_ = false;
    return ApplyOrientation(std::move(frame), kOrientations[raw_.rotation]);
  }

 private:
  const std::unique_ptr<VideoProcess> process_;
  VideoInfo raw_;
  ClipInfo info_;
  bool has_ended_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<FrameReader>> OpenVideo(const std::string& path,
                                                       const std::string& format,
                                                       const PictureLimits& limits) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  absl::StatusOr<std::unique_ptr<VideoProcess>> process = VideoProcess::Start(
      {"read", format, absl::StrCat(limits.max_pixels), absl::StrCat(limits.max_side)}, {file},
      absl::Minutes(1));
  close(file);
  if (!process.ok()) return process.status();
  auto video = std::make_unique<Video>(*std::move(process));
  PATCHBAY_RETURN_IF_ERROR(video->ReadInfo(limits));
  return video;
}

}  // namespace patchbay
