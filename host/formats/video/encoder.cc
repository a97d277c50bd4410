#include "host/formats/video/encoder.h"

#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/formats/video/palette.h"

namespace patchbay {
namespace {

// An encoder and what it is told, with qualities of about the same loss.
struct Choice {
  const char* name;
  AVPixelFormat pixels;
  std::vector<std::pair<const char*, const char*>> options;
};

std::vector<Choice> ChoicesFor(const std::string& format) {
  if (format == "mp4") {
    return {{"libx264", AV_PIX_FMT_YUV420P, {{"crf", "16"}, {"preset", "medium"}}},
            {"libopenh264", AV_PIX_FMT_YUV420P, {{"b", "8000000"}}},
            {"mpeg4", AV_PIX_FMT_YUV420P, {{"flags", "+qscale"}, {"global_quality", "236"}}}};
  }
  if (format == "webm") {
    return {{"libvpx-vp9",
             AV_PIX_FMT_YUV420P,
             {{"crf", "20"}, {"b", "0"}, {"deadline", "good"}, {"cpu-used", "4"}}}};
  }
  return {{"gif", AV_PIX_FMT_PAL8, {}}};
}

absl::Status NoMemory() { return absl::ResourceExhaustedError("no memory to write a video with"); }

absl::Status Failed(int error) {
  return absl::InternalError(absl::StrCat("a frame could not be encoded: ", AvErrorText(error)));
}

absl::StatusOr<AvCodec> OpenCodec(const AVCodec& codec, const Choice& choice,
                                  const EncoderOrder& order, bool global_header) {
  AvCodec context(avcodec_alloc_context3(&codec));
  if (context == nullptr) return NoMemory();
  context->width = order.width;
  context->height = order.height;
  context->pix_fmt = choice.pixels;
  context->time_base = av_inv_q(order.rate);
  context->framerate = order.rate;
  context->thread_count = 1;
  if (choice.pixels != AV_PIX_FMT_PAL8) {
    context->color_range = AVCOL_RANGE_MPEG;
    context->colorspace = AVCOL_SPC_BT709;
    context->color_primaries = AVCOL_PRI_BT709;
    context->color_trc = AVCOL_TRC_BT709;
  }
  AVDictionary* options = nullptr;
  for (const auto& [name, value] : choice.options) av_dict_set(&options, name, value, 0);
  if (global_header) av_dict_set(&options, "flags", "+global_header", AV_DICT_APPEND);
  const int error = avcodec_open2(context.get(), &codec, &options);
  av_dict_free(&options);
  if (error >= 0) return context;
  return absl::FailedPreconditionError(
      absl::StrCat("the encoder ", codec.name, " does not start: ", AvErrorText(error)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Encoder>> Encoder::Open(const EncoderOrder& order,
                                                       bool global_header) {
  if (order.format == "mp4" && (order.width % 2 != 0 || order.height % 2 != 0)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "an MP4 video of ", order.width, "x", order.height,
        " cannot be written, since its encoders take even sizes only; write another format, or "
        "change the size by a pixel"));
  }
  for (const Choice& choice : ChoicesFor(order.format)) {
    const AVCodec* const codec = avcodec_find_encoder_by_name(choice.name);
    if (codec == nullptr) continue;
    std::unique_ptr<Encoder> encoder(new Encoder());
    PATCHBAY_ASSIGN_OR_RETURN(encoder->codec_, OpenCodec(*codec, choice, order, global_header));
    encoder->packet_.reset(av_packet_alloc());
    encoder->frame_.reset(av_frame_alloc());
    if (encoder->packet_ == nullptr || encoder->frame_ == nullptr) return NoMemory();
    encoder->frame_->width = order.width;
    encoder->frame_->height = order.height;
    encoder->frame_->format = choice.pixels;
    if (av_frame_get_buffer(encoder->frame_.get(), 0) < 0) return NoMemory();
    return encoder;
  }
  return absl::FailedPreconditionError(
      absl::StrCat("this libav has no encoder for ", order.format, " videos"));
}

absl::Status Encoder::Describe(AVStream& stream) const {
  stream.time_base = codec_->time_base;
  stream.avg_frame_rate = codec_->framerate;
  return avcodec_parameters_from_context(stream.codecpar, codec_.get()) < 0 ? NoMemory()
                                                                            : absl::OkStatus();
}

absl::Status Encoder::FillPalette(absl::Span<const std::byte> pixels) {
  const PaletteFrame found = WithPalette(pixels);
  for (int row = 0; row < frame_->height; ++row) {
    std::memcpy(frame_->data[0] + int64_t{row} * frame_->linesize[0],
                found.indices.data() + int64_t{row} * frame_->width,
                static_cast<size_t>(frame_->width));
  }
  std::memcpy(frame_->data[1], found.colours.data(), sizeof(found.colours));
  return absl::OkStatus();
}

absl::Status Encoder::Add(absl::Span<const std::byte> pixels, int64_t number) {
  if (av_frame_make_writable(frame_.get()) < 0) return NoMemory();
  PATCHBAY_RETURN_IF_ERROR(frame_->format == AV_PIX_FMT_PAL8
                               ? FillPalette(pixels)
                               : conversion_.FromPixels(pixels, *frame_));
  frame_->pts = number;
  const int error = avcodec_send_frame(codec_.get(), frame_.get());
  return error < 0 ? Failed(error) : absl::OkStatus();
}

absl::Status Encoder::Finish() {
  const int error = avcodec_send_frame(codec_.get(), nullptr);
  return error < 0 ? Failed(error) : absl::OkStatus();
}

absl::StatusOr<AVPacket*> Encoder::Next() {
  av_packet_unref(packet_.get());
  const int error = avcodec_receive_packet(codec_.get(), packet_.get());
  if (error == AVERROR(EAGAIN) || error == AVERROR_EOF) return nullptr;
  if (error < 0) return Failed(error);
  if (packet_->duration == 0) packet_->duration = 1;
  return packet_.get();
}

}  // namespace patchbay
