#include "host/base/file_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <vector>

#include "absl/strings/str_cat.h"

namespace patchbay {
namespace {

absl::Status WriteAll(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return absl::ErrnoToStatus(errno, "write failed");
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status WriteParts(int descriptor, absl::Span<const std::string_view> parts) {
  for (const std::string_view part : parts) {
    if (absl::Status status = WriteAll(descriptor, part); !status.ok()) return status;
  }
  if (fsync(descriptor) != 0) return absl::ErrnoToStatus(errno, "flush failed");
  return absl::OkStatus();
}

// A pipe or a device is written to; renaming would put a file in its place.
bool IsSpecialFile(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

absl::Status WriteToSpecialFile(const std::string& path, absl::Span<const std::string_view> parts) {
  const int descriptor = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", path));
  absl::Status status;
  for (const std::string_view part : parts) {
    if (status.ok()) status = WriteAll(descriptor, part);
  }
  if (close(descriptor) != 0 && status.ok()) status = absl::ErrnoToStatus(errno, "close failed");
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat("cannot write ", path, ": ", status.message()));
}

// mkstemp makes the file private; a result file should follow the user's umask like any other.
void ApplyUsualPermissions(int descriptor) {
  const mode_t mask = umask(0);
  umask(mask);
  fchmod(descriptor, 0666 & ~mask);
}

}  // namespace

absl::Status WriteFileAtomically(const std::string& path,
                                 absl::Span<const std::string_view> parts) {
  if (IsSpecialFile(path)) return WriteToSpecialFile(path, parts);
  std::string temporary = absl::StrCat(path, ".partial-XXXXXX");
  const int descriptor = mkostemp(temporary.data(), O_CLOEXEC);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", path));
  ApplyUsualPermissions(descriptor);
  absl::Status status = WriteParts(descriptor, parts);
  if (close(descriptor) != 0 && status.ok()) status = absl::ErrnoToStatus(errno, "close failed");
  if (status.ok() && rename(temporary.c_str(), path.c_str()) != 0) {
    status = absl::ErrnoToStatus(errno, "rename failed");
  }
  if (!status.ok()) {
    unlink(temporary.c_str());
    return absl::Status(status.code(), absl::StrCat("cannot write ", path, ": ", status.message()));
  }
  return absl::OkStatus();
}

}  // namespace patchbay
