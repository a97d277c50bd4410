#include "host/formats/video/sound_copy.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/formats/video_messages.h"

namespace patchbay {
namespace {

// Of the frames that the demuxer may look at to find out about the file; none is kept.
constexpr FrameLimits kLimits = {int64_t{64} << 20, 32768};

}  // namespace

absl::StatusOr<std::unique_ptr<SoundCopy>> SoundCopy::Open(const std::string& format,
                                                           AVFormatContext& output) {
  PATCHBAY_ASSIGN_OR_RETURN(auto demuxer, Demuxer::Open(kVideoSound, format, kLimits));
  const AVStream* const source = demuxer->sound();
  if (source == nullptr) return absl::InvalidArgumentError("the file has none");
  const AVCodecID codec = source->codecpar->codec_id;
  if (avformat_query_codec(output.oformat, codec, FF_COMPLIANCE_NORMAL) != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("a ", output.oformat->name, " file cannot hold ", avcodec_get_name(codec)));
  }
  AVStream* const stream = avformat_new_stream(&output, nullptr);
  if (stream == nullptr || avcodec_parameters_copy(stream->codecpar, source->codecpar) < 0) {
    return absl::ResourceExhaustedError("no memory to copy sound with");
  }
  stream->codecpar->codec_tag = 0;  // the other container's
  stream->time_base = source->time_base;
  return std::unique_ptr<SoundCopy>(new SoundCopy(std::move(demuxer), output, *stream));
}

absl::Status SoundCopy::CopyUpTo(int64_t time, AVRational time_base) {
  const AVStream& source = *demuxer_->sound();
  while (!has_ended_) {
    if (!is_waiting_) {
      PATCHBAY_ASSIGN_OR_RETURN(const bool is_packet, demuxer_->Next(*packet_));
      has_ended_ = !is_packet;
      if (has_ended_) break;
      if (packet_->stream_index != source.index) {
        av_packet_unref(packet_.get());
        continue;
      }
    }
    const int64_t start = packet_->dts == AV_NOPTS_VALUE ? packet_->pts : packet_->dts;
    is_waiting_ =
        start != AV_NOPTS_VALUE && av_compare_ts(start, source.time_base, time, time_base) >= 0;
    if (is_waiting_) break;
    packet_->stream_index = stream_.index;
    av_packet_rescale_ts(packet_.get(), source.time_base, stream_.time_base);
    packet_->pos = -1;
    // Takes the packet.
    if (const int error = av_interleaved_write_frame(&output_, packet_.get()); error < 0) {
      return absl::InvalidArgumentError(AvErrorText(error));
    }
  }
  return absl::OkStatus();
}

}  // namespace patchbay
