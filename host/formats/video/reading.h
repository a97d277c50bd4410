#ifndef PATCHBAY_HOST_FORMATS_VIDEO_READING_H_
#define PATCHBAY_HOST_FORMATS_VIDEO_READING_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace patchbay {

struct ReadingOrder {
  std::string format;  // libav's name
  int64_t most_pixels = 0;
  int most_side = 0;
};

// Sends what kVideoFile holds over kVideoSocket: kInfo, a kFrame for each frame, kEnd. What is
// wrong with the file comes back as INVALID_ARGUMENT; the caller sends it.
absl::Status ReadVideo(const ReadingOrder& order);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_VIDEO_READING_H_
