#include "host/formats/video/writing.h"

#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/formats/video/encoder.h"
#include "host/formats/video/sound_copy.h"
#include "host/formats/video_messages.h"

namespace patchbay {
namespace {

struct AvOutputDeleter {
  void operator()(AVFormatContext* context) const { avformat_free_context(context); }
};

absl::Status Failed(const char* what, int error) {
  return absl::InternalError(absl::StrCat(what, ": ", AvErrorText(error)));
}

class Writing {
 public:
  explicit Writing(const WritingOrder& order) : order_(order) {}

  absl::Status Run() {
    PATCHBAY_RETURN_IF_ERROR(Open());
    PATCHBAY_RETURN_IF_ERROR(SendMessage(kVideoSocket, VideoMessage::kReady));
    std::vector<std::byte> pixels(size_t{3} * static_cast<size_t>(order_.width) *
                                  static_cast<size_t>(order_.height));
    for (int64_t frame = 0;; ++frame) {
      PATCHBAY_ASSIGN_OR_RETURN(const VideoMessageHeader header, ReceiveHeader(kVideoSocket));
      if (header.kind == VideoMessage::kEnd) break;
      if (header.kind != VideoMessage::kFrame || header.bytes != pixels.size()) {
        return absl::InvalidArgumentError("a frame of another size than the video's");
      }
      PATCHBAY_RETURN_IF_ERROR(ReceiveBytes(kVideoSocket, absl::MakeSpan(pixels)));
      PATCHBAY_RETURN_IF_ERROR(CopySoundUpTo(frame));
      PATCHBAY_RETURN_IF_ERROR(encoder_->Add(pixels, frame));
      PATCHBAY_RETURN_IF_ERROR(WritePackets());
      frames_ = frame + 1;
    }
    PATCHBAY_RETURN_IF_ERROR(CopySoundUpTo(frames_));
    PATCHBAY_RETURN_IF_ERROR(encoder_->Finish());
    PATCHBAY_RETURN_IF_ERROR(WritePackets());
    if (const int error = av_write_trailer(output_.get()); error < 0) {
      return Failed("the video's end could not be written", error);
    }
    return SendMessage(kVideoSocket, VideoMessage::kEnd);
  }

 private:
  absl::Status Open() {
    PATCHBAY_ASSIGN_OR_RETURN(io_, OpenDescriptor(kVideoFile, /*for_writing=*/true));
    AVFormatContext* context = nullptr;
    if (const int error =
            avformat_alloc_output_context2(&context, nullptr, order_.format.c_str(), nullptr);
        error < 0) {
      return Failed("no video of this format can be written", error);
    }
    output_.reset(context);
    context->pb = io_.get();
    context->io_open = &RefuseToOpen;
    PATCHBAY_ASSIGN_OR_RETURN(encoder_,
                              Encoder::Open({order_.format,
                                             order_.width,
                                             order_.height,
                                             {static_cast<int>(order_.rate_numerator),
                                              static_cast<int>(order_.rate_denominator)}},
                                            (context->oformat->flags & AVFMT_GLOBALHEADER) != 0));
    stream_ = avformat_new_stream(context, nullptr);
    if (stream_ == nullptr) return absl::ResourceExhaustedError("no memory to write a video with");
    PATCHBAY_RETURN_IF_ERROR(encoder_->Describe(*stream_));
    PATCHBAY_RETURN_IF_ERROR(OpenSound());
    const int error = avformat_write_header(context, nullptr);
    return error < 0 ? Failed("the video's head could not be written", error) : absl::OkStatus();
  }

  // What is wrong with the sound costs the sound and not the video.
  absl::Status OpenSound() {
    if (order_.sound_format.empty()) return absl::OkStatus();
    auto sound = SoundCopy::Open(order_.sound_format, *output_);
    if (sound.ok()) {
      sound_ = *std::move(sound);
      return absl::OkStatus();
    }
    return SendText(kVideoSocket, VideoMessage::kNote,
                    absl::StrCat("the sound is left out: ", sound.status().message()));
  }

  absl::Status CopySoundUpTo(int64_t frame) {
    if (sound_ == nullptr) return absl::OkStatus();
    const absl::Status status = sound_->CopyUpTo(frame, encoder_->time_base());
    if (status.ok() || status.code() != absl::StatusCode::kInvalidArgument) return status;
    sound_.reset();
    return SendText(kVideoSocket, VideoMessage::kNote,
                    absl::StrCat("the sound ends early: ", status.message()));
  }

  absl::Status WritePackets() {
    for (;;) {
      PATCHBAY_ASSIGN_OR_RETURN(AVPacket* const packet, encoder_->Next());
      if (packet == nullptr) return absl::OkStatus();
      packet->stream_index = stream_->index;
      av_packet_rescale_ts(packet, encoder_->time_base(), stream_->time_base);
      if (const int error = av_interleaved_write_frame(output_.get(), packet); error < 0) {
        return Failed("the video could not be written", error);
      }
    }
  }

  const WritingOrder order_;
  AvIo io_;
  std::unique_ptr<AVFormatContext, AvOutputDeleter> output_;
  std::unique_ptr<Encoder> encoder_;
  std::unique_ptr<SoundCopy> sound_;
  AVStream* stream_ = nullptr;
  int64_t frames_ = 0;
};

}  // namespace

absl::Status WriteVideo(const WritingOrder& order) { return Writing(order).Run(); }

}  // namespace patchbay
