#ifndef PATCHBAY_HOST_FORMATS_VIDEO_PROCESS_H_
#define PATCHBAY_HOST_FORMATS_VIDEO_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "host/formats/video_messages.h"

namespace patchbay {

// The program patchbay-video at work: libav in a process of its own, which has the descriptors that
// it is given, can open nothing, and whose end by a damaged file ends nothing else. It stands
// beside this program, or in ../bin. One thread at a time.
class VideoProcess {
 public:
  // `descriptors` become kVideoFile, kVideoSound; they stay the caller's. FAILED_PRECONDITION when
  // the program is not there. patience: how long it may be without a word while it is waited for.
  static absl::StatusOr<std::unique_ptr<VideoProcess>> Start(std::vector<std::string> words,
                                                             const std::vector<int>& descriptors,
                                                             absl::Duration patience);

  VideoProcess(const VideoProcess&) = delete;
  VideoProcess& operator=(const VideoProcess&) = delete;
  // Ends the process.
  ~VideoProcess();

  absl::Status Send(VideoMessage kind, absl::Span<const std::byte> bytes = {});

  // The next message's header; its bytes are the caller's to take. What the program says is wrong
  // comes back as INVALID_ARGUMENT, its crash too: files bring that about. DEADLINE_EXCEEDED when
  // patience is at its end.
  absl::StatusOr<VideoMessageHeader> Receive();
  absl::Status Take(absl::Span<std::byte> bytes);
  absl::StatusOr<std::string> TakeText(uint32_t bytes);

 private:
  VideoProcess(pid_t id, int socket) : id_(id), socket_(socket) {}
  absl::Status Explain(const absl::Status& status);

  pid_t id_;
  const int socket_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_VIDEO_PROCESS_H_
