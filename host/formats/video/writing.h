#ifndef PATCHBAY_HOST_FORMATS_VIDEO_WRITING_H_
#define PATCHBAY_HOST_FORMATS_VIDEO_WRITING_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace patchbay {

struct WritingOrder {
  std::string format;  // libav's name: mp4, webm, gif
  int width = 0;
  int height = 0;
  int64_t rate_numerator = 0;
  int64_t rate_denominator = 1;
  std::string sound_format;  // of kVideoSound, libav's name; empty: no sound
};

// Takes kFrame messages (RGB) from kVideoSocket until kEnd and writes them to kVideoFile, with the
// sound of kVideoSound, which is copied as it is or, where the format cannot hold it, left out with
// a kNote. Says kEnd once all is written.
absl::Status WriteVideo(const WritingOrder& order);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_VIDEO_WRITING_H_
