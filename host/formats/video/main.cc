#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "host/formats/video/confinement.h"
#include "host/formats/video/libav.h"
#include "host/formats/video/reading.h"
#include "host/formats/video/writing.h"
#include "host/formats/video_messages.h"

// patchbay-video: reads and writes videos for the program that starts it, see video_messages.h.
//   read FORMAT MOST_PIXELS MOST_SIDE
//   write FORMAT WIDTH HEIGHT RATE_NUMERATOR RATE_DENOMINATOR [SOUND_FORMAT]

namespace patchbay {
namespace {

absl::Status Run(const std::vector<std::string>& words) {
  // A file that may not grow further is an error of the write, not the end.
  std::signal(SIGXFSZ, SIG_IGN);
  if (absl::Status status = ConfineThisProcess(); !status.ok()) return status;
  av_log_set_level(AV_LOG_QUIET);
  const auto number = [&words](size_t place) {
    int64_t value = 0;
    return absl::SimpleAtoi(words[place], &value) ? value : 0;
  };
  if (words.size() == 4 && words[0] == "read") {
    return ReadVideo({words[1], number(2), static_cast<int>(number(3))});
  }
  if ((words.size() == 6 || words.size() == 7) && words[0] == "write") {
    return WriteVideo({words[1], static_cast<int>(number(2)), static_cast<int>(number(3)),
                       number(4), number(5), words.size() == 7 ? words[6] : ""});
  }
  return absl::InvalidArgumentError(
      "patchbay runs this program; there is nothing to do for people");
}

}  // namespace
}  // namespace patchbay

int main(int count, char** words) {
  const absl::Status status = patchbay::Run(std::vector<std::string>(words + 1, words + count));
  if (status.ok()) return EXIT_SUCCESS;
  // Where the other side is gone there is nobody to tell.
  patchbay::SendText(patchbay::kVideoSocket, patchbay::VideoMessage::kError,
                     std::string(status.message()))
      .IgnoreError();
  return EXIT_FAILURE;
}
