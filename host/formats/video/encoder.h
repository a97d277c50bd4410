#ifndef PATCHBAY_HOST_FORMATS_VIDEO_ENCODER_H_
#define PATCHBAY_HOST_FORMATS_VIDEO_ENCODER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "host/formats/video/libav.h"
#include "host/formats/video/picture_conversion.h"

namespace patchbay {

struct EncoderOrder {
  std::string format;  // mp4: H.264 where this libav writes it, else MPEG-4; webm: VP9; gif
  int width = 0;
  int height = 0;
  AVRational rate{};
};

// Turns frames of RGB pixels into a stream's packets, at a quality where the loss is hard to see.
class Encoder {
 public:
  // FAILED_PRECONDITION where this libav has no encoder for the format, INVALID_ARGUMENT for odd
  // sizes, which MP4's encoders do not take.
  static absl::StatusOr<std::unique_ptr<Encoder>> Open(const EncoderOrder& order,
                                                       bool global_header);

  // One tick a frame.
  AVRational time_base() const { return codec_->time_base; }
  absl::Status Describe(AVStream& stream) const;

  absl::Status Add(absl::Span<const std::byte> pixels, int64_t number);
  absl::Status Finish();
  // What is ready, until the next call; nullptr: nothing is.
  absl::StatusOr<AVPacket*> Next();

 private:
  Encoder() = default;
  absl::Status FillPalette(absl::Span<const std::byte> pixels);

  AvCodec codec_;
  AvFrame frame_;
  AvPacket packet_;
  PictureConversion conversion_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_VIDEO_ENCODER_H_
