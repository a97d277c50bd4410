#ifndef PATCHBAY_HOST_FORMATS_VIDEO_DEMUXER_H_
#define PATCHBAY_HOST_FORMATS_VIDEO_DEMUXER_H_

#include <string>

#include "absl/status/statusor.h"
#include "host/formats/video/descriptor_io.h"
#include "host/formats/video/libav.h"

namespace patchbay {

struct FrameLimits {
  int64_t most_pixels = 0;  // of a frame
  int64_t most_side = 0;
};

// Takes one container file apart: packets of its streams, one after another.
class Demuxer {
 public:
  // format: libav's name of the one format that the file may have; nothing is guessed. Streams'
  // decoders are those of kDecoders only. INVALID_ARGUMENT for a damaged file, and for frames
  // beyond the limits, before memory is taken for one.
  static absl::StatusOr<std::unique_ptr<Demuxer>> Open(int descriptor, const std::string& format,
                                                       const FrameLimits& limits);
  ~Demuxer();

  const AVFormatContext& context() const { return *context_; }
  // The stream of the pictures, of the sound; nullptr where there is none. Cover art is no stream
  // of pictures.
  const AVStream* pictures() const { return pictures_; }
  const AVStream* sound() const { return sound_; }

  // Frames a second; as libav guesses, where the file does not say.
  AVRational Rate() const;

  // The next packet of any stream; false at the end. INVALID_ARGUMENT when the file ends early.
  absl::StatusOr<bool> Next(AVPacket& packet);

 private:
  Demuxer() = default;

  // After context_, which uses it to its end.
  AvIo io_;
  AVFormatContext* context_ = nullptr;
  const AVStream* pictures_ = nullptr;
  const AVStream* sound_ = nullptr;
};

// What decoders read files' pictures.
inline constexpr char kDecoders[] = "h264,hevc,vp8,vp9,libdav1d,mpeg4,mjpeg,png,apng,gif";

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_VIDEO_DEMUXER_H_
