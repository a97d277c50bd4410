#ifndef PATCHBAY_HOST_CLI_FORCED_END_H_
#define PATCHBAY_HOST_CLI_FORCED_END_H_

#include <condition_variable>
#include <mutex>
#include <thread>

#include "absl/time/time.h"

namespace patchbay {

// Ends a process that is asked to end and does not: a step of the sampler or a plugin's call cannot
// be interrupted, and destructors wait for the threads that they run on. Declare it before whatever
// may wait. One thread.
class ForcedEnd {
 public:
  ForcedEnd() = default;
  ForcedEnd(const ForcedEnd&) = delete;
  ForcedEnd& operator=(const ForcedEnd&) = delete;
  // Everything has ended in time.
  ~ForcedEnd();

  // If this object still lives after `limit`, the process says so on standard error and ends with
  // kExitFailed, without destructors. Call once.
  void After(absl::Duration limit);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
  std::thread watch_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_FORCED_END_H_
