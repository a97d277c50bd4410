#ifndef PATCHBAY_HOST_FORMATS_VIDEO_SOUND_COPY_H_
#define PATCHBAY_HOST_FORMATS_VIDEO_SOUND_COPY_H_

#include <string>

#include "absl/status/statusor.h"
#include "host/formats/video/demuxer.h"

namespace patchbay {

// Copies the packets of a file's sound into another file, undecoded.
class SoundCopy {
 public:
  // Reads kVideoSound, and adds a stream to `output`, whose head is not written yet.
  // INVALID_ARGUMENT when there is no sound, or of a kind that the output's format cannot hold.
  static absl::StatusOr<std::unique_ptr<SoundCopy>> Open(const std::string& format,
                                                         AVFormatContext& output);

  // What sounds before a point in time. INVALID_ARGUMENT when the sound's file is damaged.
  absl::Status CopyUpTo(int64_t time, AVRational time_base);

 private:
  SoundCopy(std::unique_ptr<Demuxer> demuxer, AVFormatContext& output, AVStream& stream)
      : demuxer_(std::move(demuxer)),
        output_(output),
        stream_(stream),
        packet_(av_packet_alloc()) {}

  const std::unique_ptr<Demuxer> demuxer_;
  AVFormatContext& output_;
  AVStream& stream_;
  const AvPacket packet_;
  bool is_waiting_ = false;  // the packet belongs behind the last point
  bool has_ended_ = false;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_VIDEO_SOUND_COPY_H_
