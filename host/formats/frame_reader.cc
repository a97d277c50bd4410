#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/mapped_file.h"
#include "host/base/status_macros.h"
#include "host/formats/frame_readers.h"
#include "host/formats/frames.h"
#include "host/formats/picture_codecs.h"

namespace patchbay {
namespace {

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

absl::StatusOr<std::unique_ptr<FrameReader>> OpenFrames(const std::string& path,
                                                        const PictureLimits& limits) {
  PATCHBAY_ASSIGN_OR_RETURN(auto file, MappedFile::Open(path));
  if (IsWebpAnimation(file->bytes())) return OpenWebpAnimation(std::move(file), limits);
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
