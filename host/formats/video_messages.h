#ifndef PATCHBAY_HOST_FORMATS_VIDEO_MESSAGES_H_
#define PATCHBAY_HOST_FORMATS_VIDEO_MESSAGES_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace patchbay {

// What the host and the program patchbay-video say to each other, over one socket. Both come from
// one build and run on one machine, so that structs travel as they lie in memory. The program reads
// files that nobody vouches for: the host believes nothing that it says of sizes.

// Where the program finds its descriptors.
inline constexpr int kVideoSocket = 0;
inline constexpr int kVideoFile = 3;   // that is read, or written
inline constexpr int kVideoSound = 4;  // the clip whose sound goes into what is written

enum class VideoMessage : uint32_t {
  kInfo = 1,   // VideoInfo; the first when reading
  kFrame = 2,  // pixels
  kEnd = 3,    // nothing follows
  kError = 4,  // a text; nothing follows
  kNote = 5,   // a text for people
  kReady = 6,  // frames can be sent
};

struct VideoMessageHeader {
  VideoMessage kind{};
  uint32_t bytes = 0;
};

struct VideoInfo {
  int32_t width = 0;
  int32_t height = 0;
  int32_t channels = 0;  // 3 or 4
  int32_t rotation = 0;  // quarter turns clockwise that make frames upright, 0 to 3
  int64_t rate_numerator = 0;
  int64_t rate_denominator = 1;
  int64_t frame_count = 0;  // 0: unknown
  int32_t has_audio = 0;
  int32_t reserved = 0;
};

inline constexpr uint32_t kMostVideoTextBytes = 4096;

// The rest of a message follows its header. UNAVAILABLE where the other side is gone,
// DEADLINE_EXCEEDED where it says nothing for as long as the socket allows.
absl::Status SendMessage(int socket, VideoMessage kind, absl::Span<const std::byte> bytes = {});
absl::Status SendText(int socket, VideoMessage kind, std::string_view text);
absl::StatusOr<VideoMessageHeader> ReceiveHeader(int socket);
absl::Status ReceiveBytes(int socket, absl::Span<std::byte> bytes);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_VIDEO_MESSAGES_H_
