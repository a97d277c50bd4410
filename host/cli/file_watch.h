#ifndef PATCHBAY_HOST_CLI_FILE_WATCH_H_
#define PATCHBAY_HOST_CLI_FILE_WATCH_H_

#include <functional>
#include <map>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace patchbay {

// Notices when files below a folder are written, moved or removed (Linux inotify). Folders whose
// name begins with a dot are passed over, and so are those that a build writes to: they hold a
// CMakeCache.txt. One thread.
class FileWatch {
 public:
  // NOT_FOUND when there is no such folder; RESOURCE_EXHAUSTED when the system watches too much.
  static absl::StatusOr<FileWatch> Open(const std::string& folder);
  FileWatch(FileWatch&& other) noexcept;
  FileWatch& operator=(FileWatch&&) = delete;
  ~FileWatch();

  // Waits for a change, and then until nothing has changed for `quiet`: editors write several
  // files. Returns what has changed since the last call, files that are gone included; nothing once
  // `is_interrupted` says so, which is asked several times a second.
  absl::StatusOr<std::set<std::string>> WaitForChange(absl::Duration quiet,
                                                      const std::function<bool()>& is_interrupted);

 private:
  explicit FileWatch(int descriptor) : descriptor_(descriptor) {}
  absl::Status Add(const std::string& folder);
  // Whether something has changed within `limit`; adds it to `changed`.
  bool Changed(absl::Duration limit, std::set<std::string>& changed);

  int descriptor_;
  std::map<int, std::string> folders_;  // by watch
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_FILE_WATCH_H_
