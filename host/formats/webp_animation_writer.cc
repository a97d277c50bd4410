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

// The file's chunks are written as frames come; its length is filled in at the end. Each frame
// replaces the whole canvas.
class WebpAnimation final : public FrameWriter {
 public:
  WebpAnimation(std::unique_ptr<GrowingFile> file, ClipPlan plan)
      : file_(std::move(file)), plan_(std::move(plan)) {}

  absl::Status Begin() {
    constexpr char kHasAnimationAndOpacity = 0x12;
    const std::string size = absl::StrCat(LittleEndian(static_cast<uint64_t>(plan_.width - 1), 3),
                                          LittleEndian(static_cast<uint64_t>(plan_.height - 1), 3));
    const std::string features =
        absl::StrCat(std::string(1, kHasAnimationAndOpacity), LittleEndian(0, 3), size);
    // Transparent background, repeated for ever.
    const std::string animation = LittleEndian(0, 6);
    return Append(absl::StrCat("RIFF", LittleEndian(0, 4), "WEBP", Chunk("VP8X", features),
                               Chunk("ANIM", animation)));
  }

  absl::Status Add(const Picture& frame) override {
    PATCHBAY_RETURN_IF_ERROR(CheckFrame(frame, plan_));
    PATCHBAY_ASSIGN_OR_RETURN(const std::string still, Lossless(frame));
    constexpr char kWithoutBlending = 0x02;
    const std::string head =
        absl::StrCat(LittleEndian(0, 6), LittleEndian(static_cast<uint64_t>(plan_.width - 1), 3),
                     LittleEndian(static_cast<uint64_t>(plan_.height - 1), 3),
                     LittleEndian(NextDuration(), 3), std::string(1, kWithoutBlending));
    return Append(Chunk("ANMF", absl::StrCat(head, still.substr(kRiffHeader))));
  }

  absl::StatusOr<std::vector<std::string>> Finish() override {
    PATCHBAY_RETURN_IF_ERROR(file_->Overwrite(4, LittleEndian(bytes_ - kChunkHeader, 4)));
    PATCHBAY_RETURN_IF_ERROR(file_->Commit());
    return std::vector<std::string>();
  }

 private:
  // In milliseconds; what rounding takes from one frame, the next one gets.
  uint64_t NextDuration() {
    const auto end_of = [this](int64_t frames) {
      return std::llround(1000.0 * static_cast<double>(frames) *
                          static_cast<double>(plan_.rate.denominator) /
                          static_cast<double>(plan_.rate.numerator));
    };
    const int64_t length = end_of(frames_ + 1) - end_of(frames_);
    ++frames_;
    return static_cast<uint64_t>(std::clamp<int64_t>(length, 1, 0xFFFFFF));
  }

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
  if (plan.width > kMaxSide || plan.height > kMaxSide) {
    return absl::InvalidArgumentError("a WebP file can be at most 16383 pixels wide and high");
  }
  PATCHBAY_ASSIGN_OR_RETURN(auto file, GrowingFile::Create(path));
  auto animation = std::make_unique<WebpAnimation>(std::move(file), plan);
  PATCHBAY_RETURN_IF_ERROR(animation->Begin());
  return animation;
}

}  // namespace patchbay
