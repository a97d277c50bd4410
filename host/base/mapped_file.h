#ifndef PATCHBAY_HOST_BASE_MAPPED_FILE_H_
#define PATCHBAY_HOST_BASE_MAPPED_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace patchbay {

// A whole regular file mapped read-only into memory.
//
// The mapping is shared by whoever holds the pointer and is undone with the last of them. Reading a
// page that another process has meanwhile cut off the file raises SIGBUS, which cannot be turned
// into an error: the program says so and ends (host/cli/interrupt.h). A file that is merely
// replaced (renamed over) keeps its old content here.
// Any thread may read; the object never changes.
class MappedFile {
 public:
  // NOT_FOUND when there is no such file, FAILED_PRECONDITION when it is not a regular file,
  // PERMISSION_DENIED or INTERNAL when the system refuses.
  static absl::StatusOr<std::shared_ptr<const MappedFile>> Open(const std::string& path);

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  const std::string& path() const { return path_; }
  absl::Span<const std::byte> bytes() const { return bytes_; }

  // FAILED_PRECONDITION when the file's content may have become another since it was opened: its
  // size or one of its times differs. One that has merely been removed or replaced by
  // another file is what it was.
  absl::Status CheckUnchanged() const;

  // Tells the system that these bytes will not be read again soon, so that their pages stop
  // counting as memory of this process. Reading them again is allowed and brings them back from the
  // file. Bytes outside this file are left alone.
  void Forget(absl::Span<const std::byte> part) const;

 private:
  // What of a file changes with its content.
  struct Stamp {
    int64_t size = 0;
    int64_t links = 0;
    // Nanoseconds since 1970.
    int64_t modified = 0;
    int64_t status_changed = 0;
  };

  MappedFile(std::string path, int descriptor, absl::Span<const std::byte> bytes,
             const Stamp& stamp);

  std::string path_;
  int descriptor_;
  absl::Span<const std::byte> bytes_;
  Stamp stamp_;  // when it was opened
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_BASE_MAPPED_FILE_H_
