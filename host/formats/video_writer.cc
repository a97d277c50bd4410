#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "host/base/file_writer.h"
#include "host/base/mapped_file.h"
#include "host/base/status_macros.h"
#include "host/formats/frame_readers.h"
#include "host/formats/frame_writers.h"
#include "host/formats/video_process.h"

namespace patchbay {
namespace {

// An encoder keeps frames back, and what it still has at the end may take it minutes.
constexpr absl::Duration kPatience = absl::Minutes(15);

class Video final : public FrameWriter {
 public:
  Video(std::string path, std::unique_ptr<GrowingFile> file, std::unique_ptr<VideoProcess> process,
        ClipPlan plan)
      : path_(std::move(path)),
        file_(std::move(file)),
        process_(std::move(process)),
        plan_(std::move(plan)) {}

  // Until then it may find that it cannot write such a video at all.
  absl::Status AwaitReady() { return AboutFile(TakeNotesUntil(VideoMessage::kReady)); }

  absl::Status Add(const Picture& frame) override {
    PATCHBAY_RETURN_IF_ERROR(CheckFrame(frame, plan_));
    const std::vector<uint8_t>* pixels = &frame.pixels;
    std::vector<uint8_t> opaque;
    if (frame.channels == 4) {
      opaque.reserve(frame.pixels.size() / 4 * 3);
      for (size_t i = 0; i < frame.pixels.size(); i += 4) {
        opaque.insert(opaque.end(), frame.pixels.begin() + static_cast<ptrdiff_t>(i),
                      frame.pixels.begin() + static_cast<ptrdiff_t>(i) + 3);
      }
      pixels = &opaque;
    }
    return AboutFile(
        process_->Send(VideoMessage::kFrame,
                       {reinterpret_cast<const std::byte*>(pixels->data()), pixels->size()}));
  }

  absl::StatusOr<std::vector<std::string>> Finish() override {
    PATCHBAY_RETURN_IF_ERROR(AboutFile(process_->Send(VideoMessage::kEnd)));
    PATCHBAY_RETURN_IF_ERROR(AboutFile(TakeNotesUntil(VideoMessage::kEnd)));
    PATCHBAY_RETURN_IF_ERROR(file_->Commit());
    return std::move(notes_);
  }

 private:
  absl::Status TakeNotesUntil(VideoMessage kind) {
    for (;;) {
      PATCHBAY_ASSIGN_OR_RETURN(const VideoMessageHeader header, process_->Receive());
      if (header.kind == kind) return absl::OkStatus();
      PATCHBAY_ASSIGN_OR_RETURN(notes_.emplace_back(), process_->TakeText(header.bytes));
    }
  }

  absl::Status AboutFile(const absl::Status& status) const {
    if (status.ok()) return status;
    return absl::Status(status.code(),
                        absl::StrCat("cannot write ", path_, ": ", status.message()));
  }

  const std::string path_;
  // In this order: the process ends before its file is removed.
  const std::unique_ptr<GrowingFile> file_;
  const std::unique_ptr<VideoProcess> process_;
  const ClipPlan plan_;
  std::vector<std::string> notes_;
};

// libav's name for the format of a file whose sound may be copied; empty where it has none.
std::string SoundFormat(const std::string& path) {
  if (path.empty()) return "";
  const auto file = MappedFile::Open(path);
  const std::string format = file.ok() ? VideoFormatOf((*file)->bytes()) : "";
  return format == "mov" || format == "matroska" ? format : "";
}

}  // namespace

absl::StatusOr<std::unique_ptr<FrameWriter>> CreateVideo(const std::string& path,
                                                         const std::string& format,
                                                         const ClipPlan& plan) {
  if (plan.rate.numerator > std::numeric_limits<int>::max() ||
      plan.rate.denominator > std::numeric_limits<int>::max()) {
    return absl::InvalidArgumentError("a frame rate beyond all measure");
  }
  PATCHBAY_ASSIGN_OR_RETURN(auto file, GrowingFile::Create(path));
  std::vector<std::string> words = {"write",
                                    format,
                                    absl::StrCat(plan.width),
                                    absl::StrCat(plan.height),
                                    absl::StrCat(plan.rate.numerator),
                                    absl::StrCat(plan.rate.denominator)};
  std::vector<int> descriptors = {file->descriptor()};
  int sound = -1;
  const auto close_sound = absl::MakeCleanup([&sound] {
    if (sound >= 0) close(sound);
  });
  if (std::string sound_format = SoundFormat(plan.sound_of);
      !sound_format.empty() && format != "gif") {
    sound = open(plan.sound_of.c_str(), O_RDONLY | O_CLOEXEC);
    if (sound < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", plan.sound_of));
    words.push_back(std::move(sound_format));
    descriptors.push_back(sound);
  }
  PATCHBAY_ASSIGN_OR_RETURN(auto process,
                            VideoProcess::Start(std::move(words), descriptors, kPatience));
  auto video = std::make_unique<Video>(path, std::move(file), std::move(process), plan);
  PATCHBAY_RETURN_IF_ERROR(video->AwaitReady());
  return video;
}

}  // namespace patchbay
