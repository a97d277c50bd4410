#ifndef PATCHBAY_HOST_PLUGINS_CHILD_PROCESS_H_
#define PATCHBAY_HOST_PLUGINS_CHILD_PROCESS_H_

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace patchbay {

struct ChildResult {
  // As waitpid gives it.
  int wait_status = 0;
  std::string output;
  std::string errors;  // standard error; what is beyond the limit is dropped
};

struct ChildLimits {
  std::chrono::milliseconds time;
  // Of output and of errors, each.
  size_t bytes = size_t{4} << 20;
};

// Runs a program to its end with nothing on standard input and none of this process's other
// descriptors. `environment` holds "NAME=value". The child leads a process group of its own, all of
// which is killed when the time is over. DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED (too much output),
// or what the system says when it cannot be started. Blocks; any thread.
absl::StatusOr<ChildResult> RunChild(const std::vector<std::string>& arguments,
                                     const std::vector<std::string>& environment,
                                     const ChildLimits& limits);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_CHILD_PROCESS_H_
