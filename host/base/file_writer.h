#ifndef PATCHBAY_HOST_BASE_FILE_WRITER_H_
#define PATCHBAY_HOST_BASE_FILE_WRITER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace patchbay {

// Writes the parts one after another to `path`, whole or not at all: into a temporary file in the
// same folder first, which is flushed to disk and then renamed. After an error (a full disk, a
// missing folder) the old file, if any, is untouched and no temporary file is left. A file that is
// replaced passes its permissions on; a new one gets those that the process gives (umask). Through
// a symbolic link the file that it leads to is written. A pipe or a device that is already there is
// written to as it is; a pipe that nobody reads is FAILED_PRECONDITION, not waited for.
absl::Status WriteFileAtomically(const std::string& path, absl::Span<const std::string_view> parts);

// A file that is written bit by bit and takes its place under its path in the end, whole or not at
// all; otherwise as with WriteFileAtomically(). Pipes and devices are FAILED_PRECONDITION: their
// readers could not be kept from what is unfinished. One thread at a time.
class GrowingFile {
 public:
  static absl::StatusOr<std::unique_ptr<GrowingFile>> Create(const std::string& path);
  GrowingFile(const GrowingFile&) = delete;
  GrowingFile& operator=(const GrowingFile&) = delete;
  // Removes what was not committed.
  ~GrowingFile();

  // Stays this object's.
  int descriptor() const { return descriptor_; }
  absl::Status Append(std::string_view bytes);
  // Replaces bytes that have been written.
  absl::Status Overwrite(uint64_t place, std::string_view bytes);
  // Nothing may be written afterwards.
  absl::Status Commit();

 private:
  GrowingFile(std::string path, std::string target, std::string temporary, int descriptor);

  const std::string path_;  // as it was given
  const std::string target_;
  const std::string temporary_;
  int descriptor_;
  bool is_committed_ = false;
};

// Removes temporary files that a process left in the folder when it was killed. For folders that
// only this process writes to.
void RemoveAbandonedTemporaries(const std::string& folder);

// Whether WriteFileAtomically() would probably succeed, found out without touching the file: its
// folder exists and takes new files, its name is not too long, it is not a folder itself.
absl::Status CheckWritable(const std::string& path);

// Whether writing to one of these paths would replace what was written to the other: equal, or
// leading to the same place by links or "..". Pipes and devices never replace anything.
bool LeadToSameFile(const std::string& one, const std::string& other);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_BASE_FILE_WRITER_H_
