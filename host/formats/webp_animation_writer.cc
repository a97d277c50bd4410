#include <webp/encode.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/file_writer.h"
#include "host/base/status_macros.h"
#include "host/formats/frame_writers.h"

namespace patchbay {
namespace {

constexpr int kMaxSide = 16383;
constexpr uint64_t kMostBytes = 0xFFFFFFF0;  // of a RIFF file
constexpr size_t kRiffHeader = 12;           // "RIFF", its size, "WEBP"
constexpr size_t kChunkHeader = 8;           // a chunk's name and its size

std::string LittleEndian(uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text.push_back(static_cast<char>(value >> (8 * i) & 0xFF));
  return text;
}

std::string Chunk(std::string_view name, std::string_view content) {
  std::string chunk =
      absl::StrCat(std::string(name), LittleEndian(content.size(), 4), std::string(content));
  if (content.size() % 2 != 0) chunk.push_back('\0');
  return chunk;
}

// Of the canvas and of each frame.
std::string SizeOf(const ClipPlan& plan) {
  return absl::StrCat(LittleEndian(static_cast<uint64_t>(plan.width - 1), 3),
                      LittleEndian(static_cast<uint64_t>(plan.height - 1), 3));
}

// A WebP file of one picture, without loss, also in the colours of what is transparent.
absl::StatusOr<std::string> Lossless(const Picture& picture) {
  WebPConfig config;
  WebPPicture source;
  WebPMemoryWriter output;
  if (WebPConfigInit(&config) == 0 || WebPPictureInit(&source) == 0) {
    return absl::InternalError("libwebp is of another version than its headers");
  }
  WebPConfigLosslessPreset(&config, 3);
  config.exact = 1;
  source.use_argb = 1;
  source.width = picture.width;
  source.height = picture.height;
  WebPMemoryWriterInit(&output);
  source.writer = &WebPMemoryWrite;
  source.custom_ptr = &output;
  const auto import = picture.channels == 4 ? WebPPictureImportRGBA : WebPPictureImportRGB;
  const bool is_done =
      import(&source, picture.pixels.data(), picture.width * picture.channels) != 0 &&
      WebPEncode(&config, &source) != 0;
  WebPPictureFree(&source);
  std::string bytes(reinterpret_cast<const char*>(output.mem), output.size);
  WebPMemoryWriterClear(&output);
  if (!is_done) return absl::InternalError("cannot write a frame of a WebP animation");
  return bytes;
}

// A file's head, without the file's length.
std::string HeadOf(const ClipPlan& plan) {
  constexpr uint64_t kHasAnimationAndOpacity = 0x12;
  // The background is transparent, and all is shown for ever.
  return absl::StrCat(
      "RIFF", LittleEndian(0, 4), "WEBP",
      Chunk("VP8X", absl::StrCat(LittleEndian(kHasAnimationAndOpacity, 4), SizeOf(plan))),
      Chunk("ANIM", LittleEndian(0, 6)));
}

// Its length, for the place after "RIFF".
std::string LengthField(uint64_t bytes) { return LittleEndian(bytes - kChunkHeader, 4); }

// In milliseconds; what rounding takes from one frame, the next one gets.
uint64_t DurationOf(int64_t frame, const FrameRate& rate) {
  const auto begin_of = [&rate](int64_t number) {
    return std::llround(1000.0 * static_cast<double>(number) *
                        static_cast<double>(rate.denominator) /
                        static_cast<double>(rate.numerator));
  };
  return static_cast<uint64_t>(
      std::clamp<int64_t>(begin_of(frame + 1) - begin_of(frame), 1, 0xFFFFFF));
}

// Each frame replaces the whole canvas.
absl::StatusOr<std::string> FrameChunk(const Picture& frame, int64_t number, const ClipPlan& plan) {
  PATCHBAY_RETURN_IF_ERROR(CheckFrame(frame, plan));
  PATCHBAY_ASSIGN_OR_RETURN(const std::string still, Lossless(frame));
  constexpr uint64_t kWithoutBlending = 2;
  return Chunk("ANMF", absl::StrCat(LittleEndian(0, 6), SizeOf(plan),
                                    LittleEndian(DurationOf(number, plan.rate), 3),
                                    LittleEndian(kWithoutBlending, 1), still.substr(kRiffHeader)));
}

absl::Status CheckSize(const ClipPlan& plan) {
  if (plan.width <= kMaxSide && plan.height <= kMaxSide) return absl::OkStatus();
  return absl::InvalidArgumentError("a WebP file can be at most 16383 pixels wide and high");
}

// The file's chunks are written as frames come; its length is filled in at the end.
class WebpAnimation final : public FrameWriter {
 public:
  WebpAnimation(std::unique_ptr<GrowingFile> file, ClipPlan plan)
      : file_(std::move(file)), plan_(std::move(plan)) {}

  absl::Status Begin() { return Append(HeadOf(plan_)); }

  absl::Status Add(const Picture& frame) override {
    PATCHBAY_ASSIGN_OR_RETURN(const std::string chunk, FrameChunk(frame, frames_, plan_));
    ++frames_;
    return Append(chunk);
  }

  absl::StatusOr<std::vector<std::string>> Finish() override {
    PATCHBAY_RETURN_IF_ERROR(file_->Overwrite(4, LengthField(bytes_)));
    PATCHBAY_RETURN_IF_ERROR(file_->Commit());
    return std::vector<std::string>();
  }

 private:
  absl::Status Append(const std::string& bytes) {
    bytes_ += bytes.size();
    if (bytes_ > kMostBytes) {
      return absl::OutOfRangeError(
          "a WebP file cannot be larger than 4 GiB; write a video or a folder");
    }
    return file_->Append(bytes);
  }

  const std::unique_ptr<GrowingFile> file_;
  const ClipPlan plan_;
  int64_t frames_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<FrameWriter>> CreateWebpAnimation(const std::string& path,
                                                                 const ClipPlan& plan) {
  PATCHBAY_RETURN_IF_ERROR(CheckSize(plan));
  PATCHBAY_ASSIGN_OR_RETURN(auto file, GrowingFile::Create(path));
  auto animation = std::make_unique<WebpAnimation>(std::move(file), plan);
  PATCHBAY_RETURN_IF_ERROR(animation->Begin());
  return animation;
}

absl::StatusOr<std::string> EncodeClip(absl::Span<const Picture> frames) {
  if (frames.empty()) return absl::InvalidArgumentError("a clip has one frame at least");
  const ClipPlan plan = {frames.front().width, frames.front().height, {8, 1}, ""};
  PATCHBAY_RETURN_IF_ERROR(CheckSize(plan));
  std::string bytes = HeadOf(plan);
  for (size_t i = 0; i < frames.size(); ++i) {
    PATCHBAY_ASSIGN_OR_RETURN(const std::string chunk,
                              FrameChunk(frames[i], static_cast<int64_t>(i), plan));
    bytes += chunk;
  }
  return bytes.replace(4, 4, LengthField(bytes.size()));
}

}  // namespace patchbay
