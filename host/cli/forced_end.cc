#include "host/cli/forced_end.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "host/cli/interrupt.h"

namespace patchbay {

ForcedEnd::~ForcedEnd() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  if (watch_.joinable()) watch_.join();
}

void ForcedEnd::After(absl::Duration limit) {
  watch_ = std::thread([this, limit] {
    std::unique_lock lock(mutex_);
    const auto has_ended = [this] { return ended_; };
    if (changed_.wait_for(lock, absl::ToChronoMilliseconds(limit), has_ended)) return;
    // Not through stdio: whoever hangs may hold its locks.
    char text[256];
    const int length = std::snprintf(
        text, sizeof(text),
        "ended by force: something still ran %.0f seconds after the server was asked to end. The "
        "next start draws the generations that were accepted and not finished, except cancelled "
        "ones.\n",
        absl::ToDoubleSeconds(limit));
    [[maybe_unused]] const ssize_t written =
        write(STDERR_FILENO, text, std::min(sizeof(text) - 1, static_cast<size_t>(length)));
    _exit(kExitFailed);
  });
}

}  // namespace patchbay
