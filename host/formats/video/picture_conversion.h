#ifndef PATCHBAY_HOST_FORMATS_VIDEO_PICTURE_CONVERSION_H_
#define PATCHBAY_HOST_FORMATS_VIDEO_PICTURE_CONVERSION_H_

#include <cstddef>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "host/formats/video/libav.h"

namespace patchbay {

// Between libav's frames and rows of RGB or RGBA bytes. One of these converts frames of one size
// and format.
class PictureConversion {
 public:
  // 3, or 4 where the frame's format has opacity.
  static int ChannelsOf(const AVFrame& frame);

  // The frame's pixels, by the frame's own matrix and range of colours; what says nothing of them
  // is BT.601 with the video range, as other programs take it.
  absl::Status ToPixels(const AVFrame& frame, int channels, std::vector<std::byte>& pixels);

  // From pixels (RGB) into a frame of its format, as BT.709 with the video range where that format
  // is of brightness and colours.
  absl::Status FromPixels(absl::Span<const std::byte> pixels, AVFrame& frame);

 private:
  absl::Status Prepare(const AVFrame& frame, AVPixelFormat from, AVPixelFormat to, int matrix,
                       bool full_range);
  AvScaler scaler_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_VIDEO_PICTURE_CONVERSION_H_
