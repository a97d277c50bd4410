#include <webp/decode.h>
#include <webp/demux.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/formats/frame_readers.h"
#include "host/formats/picture_codecs.h"

namespace patchbay {
namespace {

struct DemuxerDeleter {
  void operator()(WebPDemuxer* demuxer) const { WebPDemuxDelete(demuxer); }
};
struct DecoderDeleter {
  void operator()(WebPAnimDecoder* decoder) const { WebPAnimDecoderDelete(decoder); }
};
using Decoder = std::unique_ptr<WebPAnimDecoder, DecoderDeleter>;

WebPData DataOf(absl::Span<const std::byte> bytes) {
  return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

// From the time that all frames take together: a clip has one rate, an animation a time for each.
FrameRate RateOf(WebPDemuxer* demuxer, int64_t count) {
  int64_t milliseconds = 0;
  WebPIterator frame{};
  for (int found = WebPDemuxGetFrame(demuxer, 1, &frame); found != 0;
       found = WebPDemuxNextFrame(&frame)) {
    milliseconds += frame.duration;
  }
  WebPDemuxReleaseIterator(&frame);
  return milliseconds > 0 ? FrameRate{count * 1000, milliseconds} : FrameRate{};
}

class WebpAnimation final : public FrameReader {
 public:
  WebpAnimation(std::shared_ptr<const MappedFile> file, Decoder decoder, const ClipInfo& info)
      : file_(std::move(file)), decoder_(std::move(decoder)), info_(info) {}

  const ClipInfo& info() const override { return info_; }

  absl::StatusOr<std::optional<Picture>> Next() override {
    if (next_ == info_.frame_count) return std::nullopt;
    ++next_;
    uint8_t* pixels = nullptr;
    int milliseconds = 0;
    if (WebPAnimDecoderGetNext(decoder_.get(), &pixels, &milliseconds) == 0) {
      next_ = info_.frame_count;
      return absl::InvalidArgumentError(absl::StrCat(
          "damaged WebP animation: frame ", next_, " of ", info_.frame_count, " has corrupt data"));
    }
    Picture frame{info_.width, info_.height, 4, {}};
    frame.pixels.assign(pixels, pixels + int64_t{4} * info_.width * info_.height);
    return frame;
  }

 private:
  const std::shared_ptr<const MappedFile> file_;  // what the decoder reads
  const Decoder decoder_;
  const ClipInfo info_;
  int64_t next_ = 0;
};

}  // namespace

bool IsWebpAnimation(absl::Span<const std::byte> bytes) {
  const WebPData data = DataOf(bytes);
  WebPBitstreamFeatures features;
  return WebPGetFeatures(data.bytes, data.size, &features) == VP8_STATUS_OK &&
         features.has_animation != 0;
}

absl::StatusOr<std::unique_ptr<FrameReader>> OpenWebpAnimation(
    std::shared_ptr<const MappedFile> file, const PictureLimits& limits) {
  const WebPData data = DataOf(file->bytes());
  ClipInfo info;
  {
    const std::unique_ptr<WebPDemuxer, DemuxerDeleter> demuxer(WebPDemux(&data));
    if (demuxer == nullptr) {
      return absl::InvalidArgumentError("damaged WebP animation: it is truncated or corrupt");
    }
    const uint32_t width = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH);
    const uint32_t height = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT);
    PATCHBAY_RETURN_IF_ERROR(CheckPictureSize(width, height, limits));
    info.width = static_cast<int>(width);
    info.height = static_cast<int>(height);
    info.frame_count = WebPDemuxGetI(demuxer.get(), WEBP_FF_FRAME_COUNT);
    info.rate = RateOf(demuxer.get(), info.frame_count);
  }
  if (info.frame_count == 0) return absl::InvalidArgumentError("this WebP animation has no frames");
  WebPAnimDecoderOptions options;
  WebPAnimDecoderOptionsInit(&options);
  options.color_mode = MODE_RGBA;
  Decoder decoder(WebPAnimDecoderNew(&data, &options));
  if (decoder == nullptr) return absl::InvalidArgumentError("damaged WebP animation");
  return std::make_unique<WebpAnimation>(std::move(file), std::move(decoder), info);
}

}  // namespace patchbay
