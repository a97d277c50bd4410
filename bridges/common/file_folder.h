#ifndef PATCHBAY_BRIDGES_COMMON_FILE_FOLDER_H_
#define PATCHBAY_BRIDGES_COMMON_FILE_FOLDER_H_

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bridges/common/host_session.h"

namespace patchbay {

// A file that requests call by name.
struct NamedPath {
  std::string name;  // path below the folder with '/', without suffix
  std::string path;
  uint64_t bytes = 0;
};

// The files of one kind in a folder of the bridge's machine: LoRAs, embeddings, wildcards. Read
// anew with each call, so that new files are found. Any thread.
class FileFolder {
 public:
  // `suffix` such as ".safetensors"; case does not count. `folder` empty: no files.
  FileFolder(std::string folder, std::string suffix);

  const std::string& folder() const { return folder_; }
  // The files by name, at most 10 000.
  std::vector<NamedPath> List() const;
  // The host's artifact with the file's content; sent once as long as the file does not change.
  absl::StatusOr<std::string> Upload(const NamedPath& file, HostSession& host);

 private:
  struct Sent {
    int64_t change_time = 0;
    uint64_t bytes = 0;
    std::string artifact_id;
  };
  const std::string folder_;
  const std::string suffix_;
  std::mutex mutex_;
  std::map<std::string, Sent> sent_;  // by path
};

// All bytes of a file, at most `max_bytes`. NOT_FOUND, or OUT_OF_RANGE when it is larger.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path, uint64_t max_bytes);
// Writes beside the file and then takes its place.
absl::Status WriteWholeFile(const std::string& path, std::string_view bytes);

}  // namespace patchbay

#endif  // PATCHBAY_BRIDGES_COMMON_FILE_FOLDER_H_
