#ifndef PATCHBAY_HOST_CLI_TEMPORARY_FOLDER_H_
#define PATCHBAY_HOST_CLI_TEMPORARY_FOLDER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace patchbay {

// A folder for what a command needs on the way; removed with all that is in it in the end.
class TemporaryFolder {
 public:
  static absl::StatusOr<std::unique_ptr<TemporaryFolder>> Make();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();

  std::string FileNamed(const std::string& name) const { return path_ + "/" + name; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  const std::string path_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_TEMPORARY_FOLDER_H_
