#ifndef PATCHBAY_HOST_RUNTIME_PROMPT_WILDCARD_FOLDER_H_
#define PATCHBAY_HOST_RUNTIME_PROMPT_WILDCARD_FOLDER_H_

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace patchbay {

// The wildcard files of a folder, each read when first asked for. Not thread-safe. Limits and
// errors: see wildcards.h.
class WildcardFolder {
 public:
  explicit WildcardFolder(std::string folder) : folder_(std::move(folder)) {}

  // The lines of NAME.txt that count, at least one. The pointer is never null and stays valid as
  // long as this object.
  absl::StatusOr<const std::vector<std::string>*> Lines(std::string_view name);

 private:
  absl::StatusOr<std::string> PathOf(std::string_view name) const;
  absl::Status NotFound(std::string_view name) const;

  std::string folder_;
  std::map<std::string, std::vector<std::string>, std::less<>> lines_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PROMPT_WILDCARD_FOLDER_H_
