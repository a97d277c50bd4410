#ifndef PATCHBAY_HOST_BASE_START_PROCESS_H_
#define PATCHBAY_HOST_BASE_START_PROCESS_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace patchbay {

// A descriptor of this process that the started one has as its own number `place`.
struct GivenDescriptor {
  int descriptor = -1;
  int place = 0;
};

// Starts the program `arguments[0]`, a path; `environment` holds "NAME=value", and is all that the
// program has of it. It leads a process group of its own, so that Ctrl-C reaches it only through
// this process, with every signal as it is by default, and has no other descriptors than the given
// ones, which stay the caller's, and /dev/null in place of the standard streams that are not given.
// They take their places one after the other: none may be at the place of one before it.
//
// Returns the process's number; the caller waits for it. What the system says when it cannot be
// started. Any thread.
absl::StatusOr<pid_t> StartProcess(const std::vector<std::string>& arguments,
                                   const std::vector<std::string>& environment,
                                   absl::Span<const GivenDescriptor> given);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_BASE_START_PROCESS_H_
