#include "host/formats/frame_writer.h"

#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/formats/frame_writers.h"

namespace patchbay {
namespace {

// For clips that say nothing of time, such as folders; what AnimateDiff's own examples have.
constexpr FrameRate kDefaultRate = {8, 1};

}  // namespace

absl::StatusOr<ClipFormat> ClipFormatOf(const std::string& path) {
  const std::string suffix =
      absl::AsciiStrToLower(std::filesystem::path(path).extension().string());
  if (suffix == ".mp4") return ClipFormat::kMp4;
  if (suffix == ".webm") return ClipFormat::kWebm;
  if (suffix == ".gif") return ClipFormat::kGif;
  if (suffix == ".webp") return ClipFormat::kWebp;
  if (suffix.empty() && !path.empty()) return ClipFormat::kFolder;
  return absl::InvalidArgumentError(absl::StrCat(
      path,
      ": a clip's name ends in .mp4, .webm, .webp or .gif, or in nothing, which makes a "
      "folder of PNG files"));
}

absl::Status CheckFrame(const Picture& frame, const ClipPlan& plan) {
  if (frame.width == plan.width && frame.height == plan.height &&
      (frame.channels == 3 || frame.channels == 4)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("a frame of ", frame.width, "x", frame.height, " with ", frame.channels,
                   " channels does not fit into a clip of ", plan.width, "x", plan.height));
}

absl::StatusOr<std::unique_ptr<FrameWriter>> CreateClip(const std::string& path,
                                                        const ClipPlan& plan) {
  PATCHBAY_ASSIGN_OR_RETURN(const ClipFormat format, ClipFormatOf(path));
  ClipPlan timed = plan;
  if (timed.rate.numerator <= 0 || timed.rate.denominator <= 0) timed.rate = kDefaultRate;
  switch (format) {
    case ClipFormat::kMp4:
      return CreateVideo(path, "mp4", timed);
    case ClipFormat::kWebm:
      return CreateVideo(path, "webm", timed);
    case ClipFormat::kGif:
      return CreateVideo(path, "gif", timed);
    case ClipFormat::kWebp:
      return CreateWebpAnimation(path, timed);
    case ClipFormat::kFolder:
      return CreateFrameFolder(path, timed);
  }
  return absl::InternalError("a format without a writer");
}

}  // namespace patchbay
