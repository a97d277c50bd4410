#include "host/formats/video/picture_conversion.h"

#include "host/base/status_macros.h"

namespace patchbay {
namespace {

constexpr int kQuality = SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP;

bool HasBrightness(AVPixelFormat format) {
  const AVPixFmtDescriptor* const descriptor = av_pix_fmt_desc_get(format);
  return descriptor != nullptr &&
         (descriptor->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) == 0;
}

// The formats with a "J" mean full range, whatever the frame says.
bool IsFullRange(const AVFrame& frame) {
  switch (frame.format) {
    case AV_PIX_FMT_YUVJ420P:
    case AV_PIX_FMT_YUVJ422P:
    case AV_PIX_FMT_YUVJ444P:
    case AV_PIX_FMT_YUVJ440P:
      return true;
    default:
      return frame.color_range == AVCOL_RANGE_JPEG;
  }
}

int MatrixOf(const AVFrame& frame) {
  return frame.colorspace == AVCOL_SPC_UNSPECIFIED || frame.colorspace == AVCOL_SPC_RGB
             ? SWS_CS_DEFAULT
             : frame.colorspace;
}

}  // namespace

int PictureConversion::ChannelsOf(const AVFrame& frame) {
  const AVPixFmtDescriptor* const format =
      av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  const bool has_opacity = format != nullptr && ((format->flags & AV_PIX_FMT_FLAG_ALPHA) != 0 ||
                                                 frame.format == AV_PIX_FMT_PAL8);
  return has_opacity ? 4 : 3;
}

absl::Status PictureConversion::Prepare(const AVFrame& frame, AVPixelFormat from, AVPixelFormat to,
                                        int matrix, bool full_range) {
  scaler_.reset(sws_getCachedContext(scaler_.release(), frame.width, frame.height, from,
                                     frame.width, frame.height, to, kQuality, nullptr, nullptr,
                                     nullptr));
  if (scaler_ == nullptr) {
    return absl::InvalidArgumentError("frames of this kind cannot be turned into pixels");
  }
  if (HasBrightness(from) || HasBrightness(to)) {
    const int* const table = sws_getCoefficients(matrix);
    const int from_full = HasBrightness(from) ? static_cast<int>(full_range) : 1;
    const int to_full = HasBrightness(to) ? static_cast<int>(full_range) : 1;
    sws_setColorspaceDetails(scaler_.get(), table, from_full, table, to_full, 0, 1 << 16, 1 << 16);
  }
  return absl::OkStatus();
}

absl::Status PictureConversion::ToPixels(const AVFrame& frame, int channels,
                                         std::vector<std::byte>& pixels) {
  PATCHBAY_RETURN_IF_ERROR(Prepare(frame, static_cast<AVPixelFormat>(frame.format),
                                   channels == 4 ? AV_PIX_FMT_RGBA : AV_PIX_FMT_RGB24,
                                   MatrixOf(frame), IsFullRange(frame)));
  const int stride = frame.width * channels;
  pixels.resize(static_cast<size_t>(stride) * static_cast<size_t>(frame.height));
  uint8_t* const planes[] = {reinterpret_cast<uint8_t*>(pixels.data())};
  if (sws_scale(scaler_.get(), frame.data, frame.linesize, 0, frame.height, planes, &stride) ==
      frame.height) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("a frame cannot be turned into pixels");
}

absl::Status PictureConversion::FromPixels(absl::Span<const std::byte> pixels, AVFrame& frame) {
  PATCHBAY_RETURN_IF_ERROR(Prepare(frame, AV_PIX_FMT_RGB24,
                                   static_cast<AVPixelFormat>(frame.format), SWS_CS_ITU709,
                                   /*full_range=*/false));
  const uint8_t* const planes[] = {reinterpret_cast<const uint8_t*>(pixels.data())};
  const int stride = frame.width * 3;
  if (sws_scale(scaler_.get(), planes, &stride, 0, frame.height, frame.data, frame.linesize) ==
      frame.height) {
    return absl::OkStatus();
  }
  return absl::InternalError("a frame cannot be turned into what the encoder takes");
}

}  // namespace patchbay
