#ifndef PATCHBAY_HOST_ENGINE_JOBS_PRIVATE_PATHS_H_
#define PATCHBAY_HOST_ENGINE_JOBS_PRIVATE_PATHS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace patchbay {

// Takes the server's folders out of what clients are told: they know artifacts, files and plugins
// by name, and where these lie on the server is not theirs to know. Any thread.
class PrivatePaths {
 public:
  PrivatePaths() = default;
  // Empty ones are left out; relative ones are taken from the current folder.
  explicit PrivatePaths(const std::vector<std::string>& folders);

  // Of each path into one of the folders only the last name stays: an artifact's is its id.
  std::string Hidden(std::string_view text) const;
  // The same status with its details, and its message so.
  absl::Status Hidden(const absl::Status& status) const;

 private:
  std::vector<std::string> folders_;  // absolute, without a slash at the end; the longest first
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_JOBS_PRIVATE_PATHS_H_
