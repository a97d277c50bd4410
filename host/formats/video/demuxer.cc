#include "host/formats/video/demuxer.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

absl::Status Damaged(int error) {
  return absl::InvalidArgumentError(
      absl::StrCat("the file is truncated or damaged (", AvErrorText(error), ")"));
}

// Options for each stream's decoder, which libav asks for the frames' properties.
class StreamOptions {
 public:
  StreamOptions(unsigned count, int64_t most_pixels) : options_(count, nullptr) {
    for (AVDictionary*& each : options_) {
      av_dict_set_int(&each, "max_pixels", most_pixels, 0);
      av_dict_set(&each, "threads", "1", 0);
    }
  }
  StreamOptions(const StreamOptions&) = delete;
  StreamOptions& operator=(const StreamOptions&) = delete;
  ~StreamOptions() {
    for (AVDictionary*& each : options_) av_dict_free(&each);
  }
  AVDictionary** get() { return options_.data(); }

 private:
  std::vector<AVDictionary*> options_;
};

absl::Status CheckSizes(const AVFormatContext& context, const FrameLimits& limits) {
  for (unsigned i = 0; i < context.nb_streams; ++i) {
    const int64_t width = context.streams[i]->codecpar->width;
    const int64_t height = context.streams[i]->codecpar->height;
    if (width <= limits.most_side && height <= limits.most_side &&
        width * height <= limits.most_pixels) {
      continue;
    }
    return absl::InvalidArgumentError(absl::StrCat("the video is ", width, "x", height,
                                                   "; at most ", limits.most_side, " a side and ",
                                                   limits.most_pixels, " pixels a frame are read"));
  }
  return absl::OkStatus();
}

bool IsCoverArt(const AVStream& stream) {
  return (stream.disposition & AV_DISPOSITION_ATTACHED_PIC) != 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Demuxer>> Demuxer::Open(int descriptor, const std::string& format,
                                                       const FrameLimits& limits) {
  const AVInputFormat* const input = av_find_input_format(format.c_str());
  if (input == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat("this libav reads no ", format, " files"));
  }
  std::unique_ptr<Demuxer> demuxer(new Demuxer());
  PATCHBAY_ASSIGN_OR_RETURN(demuxer->io_, OpenDescriptor(descriptor, /*for_writing=*/false));
  AVFormatContext* context = avformat_alloc_context();
  if (context == nullptr) return absl::ResourceExhaustedError("no memory to read a file with");
  context->pb = demuxer->io_.get();
  context->io_open = &RefuseToOpen;
  context->codec_whitelist = av_strdup(kDecoders);
  context->format_whitelist = av_strdup(input->name);
  context->protocol_whitelist = av_strdup("");
  context->error_recognition = AV_EF_CRCCHECK | AV_EF_EXPLODE;
  // Frees the context when it fails.
  if (const int error = avformat_open_input(&context, "", input, nullptr); error < 0) {
    return Damaged(error);
  }
  demuxer->context_ = context;
  // By what the container says, since a decoder looks at frames next; then by what it has found.
  PATCHBAY_RETURN_IF_ERROR(CheckSizes(*context, limits));
  StreamOptions options(context->nb_streams, limits.most_pixels);
  if (const int error = avformat_find_stream_info(context, options.get()); error < 0) {
    return Damaged(error);
  }
  PATCHBAY_RETURN_IF_ERROR(CheckSizes(*context, limits));
  for (unsigned i = 0; i < context->nb_streams; ++i) {
    const AVStream& stream = *context->streams[i];
    const AVMediaType type = stream.codecpar->codec_type;
    if (type == AVMEDIA_TYPE_VIDEO && demuxer->pictures_ == nullptr && !IsCoverArt(stream)) {
      demuxer->pictures_ = &stream;
    }
    if (type == AVMEDIA_TYPE_AUDIO && demuxer->sound_ == nullptr) demuxer->sound_ = &stream;
  }
  return demuxer;
}

Demuxer::~Demuxer() {
  if (context_ != nullptr) avformat_close_input(&context_);
}

AVRational Demuxer::Rate() const {
  return av_guess_frame_rate(context_, const_cast<AVStream*>(pictures_), nullptr);
}

absl::StatusOr<bool> Demuxer::Next(AVPacket& packet) {
  const int error = av_read_frame(context_, &packet);
  if (error == AVERROR_EOF) return false;
  if (error < 0) return Damaged(error);
  const bool is_picture = pictures_ != nullptr && packet.stream_index == pictures_->index;
  if (is_picture && (packet.flags & AV_PKT_FLAG_CORRUPT) != 0) {
    return absl::InvalidArgumentError("the file is truncated or damaged");
  }
  return true;
}

}  // namespace patchbay
