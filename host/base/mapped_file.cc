#include "host/base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"

namespace patchbay {

namespace {

const char* KindOf(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  return "a device or socket";
}

int64_t Nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const MappedFile>> MappedFile::Open(const std::string& path) {
  // A pipe would hold up a plain open() until somebody writes.
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  struct stat status {};
  if (fstat(descriptor, &status) != 0) {
    const int error = errno;
    close(descriptor);
    return absl::ErrnoToStatus(error, absl::StrCat("cannot examine ", path));
  }
  if (!S_ISREG(status.st_mode)) {
    close(descriptor);
    return absl::FailedPreconditionError(absl::StrCat(
        path, " is ", KindOf(status.st_mode), ", not a regular file; name a file that is stored"));
  }
  const size_t size = static_cast<size_t>(status.st_size);
  void* address = nullptr;
  if (size > 0) {
    address = mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0);
    if (address == MAP_FAILED) {
      const int error = errno;
      close(descriptor);
      return absl::ErrnoToStatus(error, absl::StrCat("cannot map ", path));
    }
  }
  const Stamp stamp = {status.st_size, static_cast<int64_t>(status.st_nlink),
                       Nanoseconds(status.st_mtim), Nanoseconds(status.st_ctim)};
  return std::shared_ptr<const MappedFile>(new MappedFile(
      path, descriptor, absl::MakeConstSpan(static_cast<const std::byte*>(address), size), stamp));
}

MappedFile::MappedFile(std::string path, int descriptor, absl::Span<const std::byte> bytes,
                       const Stamp& stamp)
    : path_(std::move(path)), descriptor_(descriptor), bytes_(bytes), stamp_(stamp) {}

absl::Status MappedFile::CheckUnchanged() const {
  struct stat status {};
  if (fstat(descriptor_, &status) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot examine ", path_));
  }
  // The time of its status also changes when the file loses its name, and cannot be set back by a
  // program that has set the time of its content back.
  const bool same_names = static_cast<int64_t>(status.st_nlink) == stamp_.links;
  const bool changed = status.st_size != stamp_.size ||
                       Nanoseconds(status.st_mtim) != stamp_.modified ||
                       (same_names && Nanoseconds(status.st_ctim) != stamp_.status_changed);
  if (!changed) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(path_, " has been changed since it was opened"));
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  close(descriptor_);
}

void MappedFile::Forget(absl::Span<const std::byte> part) const {
  const bool inside =
      part.data() >= bytes_.data() && part.data() + part.size() <= bytes_.data() + bytes_.size();
  if (part.empty() || !inside) return;
  // Only whole pages inside the part: its neighbours may still be in use.
  const uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const uintptr_t begin = (reinterpret_cast<uintptr_t>(part.data()) + page - 1) / page * page;
  const uintptr_t end = reinterpret_cast<uintptr_t>(part.data() + part.size()) / page * page;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace patchbay
