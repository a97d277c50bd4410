#ifndef PATCHBAY_HOST_FORMATS_VIDEO_LIBAV_H_
#define PATCHBAY_HOST_FORMATS_VIDEO_LIBAV_H_

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
}

#include <memory>
#include <string>

// libav's objects with their owners.

namespace patchbay {

struct AvPacketDeleter {
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
};
struct AvFrameDeleter {
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
};
struct AvCodecDeleter {
  void operator()(AVCodecContext* codec) const { avcodec_free_context(&codec); }
};
struct AvScalerDeleter {
  void operator()(SwsContext* scaler) const { sws_freeContext(scaler); }
};
using AvPacket = std::unique_ptr<AVPacket, AvPacketDeleter>;
using AvFrame = std::unique_ptr<AVFrame, AvFrameDeleter>;
using AvCodec = std::unique_ptr<AVCodecContext, AvCodecDeleter>;
using AvScaler = std::unique_ptr<SwsContext, AvScalerDeleter>;

inline std::string AvErrorText(int error) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(error, text, sizeof(text));
  return text;
}

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_VIDEO_LIBAV_H_
