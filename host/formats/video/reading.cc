#include "host/formats/video/reading.h"

#include <unistd.h>

#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/formats/video/demuxer.h"
#include "host/formats/video/libav.h"
#include "host/formats/video/matroska_size.h"
#include "host/formats/video/mp4_boxes.h"
#include "host/formats/video/picture_conversion.h"
#include "host/formats/video_messages.h"

namespace patchbay {
namespace {

absl::Status Bad(std::string_view what) { return absl::InvalidArgumentError(std::string(what)); }

// Quarter turns clockwise.
int RotationOf(const AVStream& stream) {
  const uint8_t* const matrix =
      av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, nullptr);
  if (matrix == nullptr) return 0;
  const double counterclockwise = av_display_rotation_get(reinterpret_cast<const int32_t*>(matrix));
  if (std::isnan(counterclockwise)) return 0;
  return static_cast<int>(std::lround(-counterclockwise / 90.0)) & 3;
}

class Reading {
 public:
  static absl::Status Run(const ReadingOrder& order) {
    if (order.format == "mov") PATCHBAY_RETURN_IF_ERROR(CheckMp4Boxes(kVideoFile));
    PATCHBAY_ASSIGN_OR_RETURN(auto demuxer, Demuxer::Open(kVideoFile, order.format,
                                                          {order.most_pixels, order.most_side}));
    if (demuxer->pictures() == nullptr) {
      return Bad(demuxer->sound() != nullptr
                     ? "the file holds sound only, and no pictures"
                     : "the file holds no pictures in a format that is read here");
    }
    Reading reading(order, std::move(demuxer));
    PATCHBAY_RETURN_IF_ERROR(reading.CheckWhole());
    PATCHBAY_RETURN_IF_ERROR(reading.OpenDecoder());
    return reading.SendFrames();
  }

 private:
  Reading(const ReadingOrder& order, std::unique_ptr<Demuxer> demuxer)
      : order_(order),
        demuxer_(std::move(demuxer)),
        packet_(av_packet_alloc()),
        frame_(av_frame_alloc()) {}

  const AVStream& stream() const { return *demuxer_->pictures(); }

  // libav takes a WebM file that ends early for a shorter one.
  absl::Status CheckWhole() const {
    std::byte start[256];
    const ssize_t count = pread(kVideoFile, start, sizeof(start), 0);
    if (order_.format != "matroska" || count <= 0) return absl::OkStatus();
    const auto size = SizeOfMatroska({start, static_cast<size_t>(count)});
    const off_t here = lseek(kVideoFile, 0, SEEK_CUR);
    const off_t end = lseek(kVideoFile, 0, SEEK_END);
    lseek(kVideoFile, here, SEEK_SET);
    if (!size.has_value() || static_cast<uint64_t>(end) >= *size) return absl::OkStatus();
    return Bad(absl::StrCat("the file is truncated: it has ", end, " of ", *size, " bytes"));
  }

  absl::Status OpenDecoder() {
    const AVCodecParameters& parameters = *stream().codecpar;
    // AV1's own decoder in libav needs special hardware.
    const AVCodec* const codec = parameters.codec_id == AV_CODEC_ID_AV1
                                     ? avcodec_find_decoder_by_name("libdav1d")
                                     : avcodec_find_decoder(parameters.codec_id);
    const std::string allowed = absl::StrCat(",", kDecoders, ",");
    if (codec == nullptr ||
        allowed.find(absl::StrCat(",", codec->name, ",")) == std::string::npos) {
      return Bad(absl::StrCat("its pictures are in the format \"",
                              avcodec_get_name(parameters.codec_id),
                              "\", which is not read here; read are ", kDecoders));
    }
    decoder_.reset(avcodec_alloc_context3(codec));
    if (decoder_ == nullptr || packet_ == nullptr || frame_ == nullptr ||
        avcodec_parameters_to_context(decoder_.get(), &parameters) < 0) {
      return absl::ResourceExhaustedError("no memory to read a video with");
    }
    decoder_->thread_count = 1;
    decoder_->max_pixels = order_.most_pixels;
    decoder_->pkt_timebase = stream().time_base;
    // Damage is told, not painted over.
    decoder_->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER | AV_EF_EXPLODE;
    decoder_->error_concealment = 0;
    const int error = avcodec_open2(decoder_.get(), codec, nullptr);
    return error < 0 ? Bad(absl::StrCat("its pictures cannot be read: ", AvErrorText(error)))
                     : absl::OkStatus();
  }

  absl::Status SendFrames() {
    for (;;) {
      PATCHBAY_ASSIGN_OR_RETURN(const bool is_packet, NextOfPictures());
      const int error = avcodec_send_packet(decoder_.get(), is_packet ? packet_.get() : nullptr);
      if (error < 0 && error != AVERROR_EOF) return DamagedFrame(error);
      PATCHBAY_RETURN_IF_ERROR(SendDecoded());
      av_packet_unref(packet_.get());
      if (!is_packet) break;
    }
    if (sent_ == 0) return Bad("the video has no frames");
    const int64_t promised = avformat_index_get_entries_count(const_cast<AVStream*>(&stream()));
    // An MP4 file lists all of its frames.
    if (order_.format == "mov" && packets_ < promised) {
      return Bad(
          absl::StrCat("the file is truncated: it ends after frame ", sent_, " of ", promised));
    }
    return SendMessage(kVideoSocket, VideoMessage::kEnd);
  }

  absl::StatusOr<bool> NextOfPictures() {
    for (;;) {
      absl::StatusOr<bool> is_packet = demuxer_->Next(*packet_);
      if (!is_packet.ok()) {
        return Bad(absl::StrCat("frame ", packets_ + 1, ": ", is_packet.status().message()));
      }
      if (!*is_packet) return false;
      if (packet_->stream_index == stream().index) {
        ++packets_;
        return true;
      }
      av_packet_unref(packet_.get());
    }
  }

  absl::Status SendDecoded() {
    for (;;) {
      const int error = avcodec_receive_frame(decoder_.get(), frame_.get());
      if (error == AVERROR(EAGAIN) || error == AVERROR_EOF) return absl::OkStatus();
      if (error < 0) return DamagedFrame(error);
      if ((frame_->flags & AV_FRAME_FLAG_CORRUPT) != 0 || frame_->decode_error_flags != 0) {
        return DamagedFrame(AVERROR_INVALIDDATA);
      }
      PATCHBAY_RETURN_IF_ERROR(SendFrame());
      av_frame_unref(frame_.get());
    }
  }

  absl::Status SendFrame() {
    if (sent_ == 0) PATCHBAY_RETURN_IF_ERROR(SendInfo());
    if (frame_->width != info_.width || frame_->height != info_.height) {
      return Bad(absl::StrCat("frame ", sent_ + 1, " is ", frame_->width, "x", frame_->height,
                              ", and those before it ", info_.width, "x", info_.height,
                              "; the frames of a clip must be of one size"));
    }
    PATCHBAY_RETURN_IF_ERROR(conversion_.ToPixels(*frame_, info_.channels, pixels_));
    ++sent_;
    return SendMessage(kVideoSocket, VideoMessage::kFrame, pixels_);
  }

  // Only the first frame tells whether there is opacity.
  absl::Status SendInfo() {
    info_.width = frame_->width;
    info_.height = frame_->height;
    info_.channels = PictureConversion::ChannelsOf(*frame_);
    info_.rotation = RotationOf(stream());
    const AVRational rate = demuxer_->Rate();
    info_.rate_numerator = rate.num;
    info_.rate_denominator = rate.den;
    info_.frame_count = stream().nb_frames;
    info_.has_audio = demuxer_->sound() != nullptr ? 1 : 0;
    return SendMessage(kVideoSocket, VideoMessage::kInfo,
                       {reinterpret_cast<const std::byte*>(&info_), sizeof(info_)});
  }

  // By its time where packets have one: files hold frames in the order of decoding.
  absl::Status DamagedFrame(int error) const {
    int64_t number = packets_;
    const AVRational rate = demuxer_->Rate();
    if (packet_->pts != AV_NOPTS_VALUE && rate.num > 0) {
      const int64_t start = stream().start_time == AV_NOPTS_VALUE ? 0 : stream().start_time;
      number = av_rescale_q(packet_->pts - start, stream().time_base, av_inv_q(rate)) + 1;
    }
    return Bad(absl::StrCat("frame ", number, " is damaged (", AvErrorText(error), ")"));
  }

  const ReadingOrder order_;
  const std::unique_ptr<Demuxer> demuxer_;
  const AvPacket packet_;
  const AvFrame frame_;
  AvCodec decoder_;
  PictureConversion conversion_;
  VideoInfo info_;
  std::vector<std::byte> pixels_;
  int64_t packets_ = 0;
  int64_t sent_ = 0;
};

}  // namespace

absl::Status ReadVideo(const ReadingOrder& order) { return Reading::Run(order); }

}  // namespace patchbay
