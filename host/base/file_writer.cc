#include "host/base/file_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <random>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

// As many as Linux itself follows.
constexpr int kMaxLinks = 40;
constexpr int kMaxNamesTried = 100;
constexpr char kTemporarySuffix[] = ".partial";

absl::Status CannotWrite(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat("cannot write ", path, ": ", status.message()));
}

absl::Status WriteAll(int descriptor, absl::Span<const std::string_view> parts) {
  for (std::string_view part : parts) {
    while (!part.empty()) {
      const ssize_t written = write(descriptor, part.data(), part.size());
      if (written < 0) {
        if (errno == EINTR) continue;
        return absl::ErrnoToStatus(errno, "write failed");
      }
      part.remove_prefix(static_cast<size_t>(written));
    }
  }
  return absl::OkStatus();
}

// Closes too: only then is it known whether everything was written.
absl::Status Close(int descriptor, absl::Status status) {
  if (close(descriptor) == 0 || !status.ok()) return status;
  return absl::ErrnoToStatus(errno, "close failed");
}

// Where a chain of symbolic links ends, whether or not there is a file.
absl::StatusOr<fs::path> TargetOf(const std::string& path) {
  fs::path target(path);
  std::error_code error;
  for (int links = 0; fs::is_symlink(fs::symlink_status(target, error)); ++links) {
    if (links == kMaxLinks) return absl::ErrnoToStatus(ELOOP, "the link leads to itself");
    const fs::path next = fs::read_symlink(target, error);
    if (error) return absl::ErrnoToStatus(error.value(), "the link cannot be followed");
    target = target.parent_path() / next;
  }
  return target;
}

// What stands at `path`; nothing is as good as a regular file. The name is checked on the way.
absl::StatusOr<struct stat> Examine(const std::string& path) {
  struct stat status {};
  if (path.empty() || path.back() == '/') {
    return absl::InvalidArgumentError("this names a folder, not a file");
  }
  if (stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) return absl::InvalidArgumentError("this is a folder");
    return status;
  }
  if (errno == ENOENT) return status;  // a missing folder is found out when the file is made
  return absl::ErrnoToStatus(errno, "examining it failed");
}

bool IsSpecial(const struct stat& status) {
  return status.st_mode != 0 && !S_ISREG(status.st_mode);
}

absl::Status WriteToSpecialFile(const std::string& path, const struct stat& status,
                                absl::Span<const std::string_view> parts) {
  // A pipe without a reader would hold the caller up for ever.
  const int descriptor = open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    if (errno == ENXIO && S_ISFIFO(status.st_mode)) {
      return absl::FailedPreconditionError("nobody reads from this pipe; start its reader first");
    }
    return absl::ErrnoToStatus(errno, "opening it failed");
  }
  // From here on a slow reader is waited for.
  const int flags = fcntl(descriptor, F_GETFL);
  if (flags < 0 || fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK) < 0) {
    return Close(descriptor, absl::ErrnoToStatus(errno, "opening it failed"));
  }
  return Close(descriptor, WriteAll(descriptor, parts));
}

struct TemporaryFile {
  int descriptor = -1;
  std::string path;
};

// A new file beside the target. Its name does not contain the target's, which may be as long as
// names can be. Opened rather than made by mkstemp, so that it gets the usual permissions.
absl::StatusOr<TemporaryFile> MakeTemporary(const fs::path& folder) {
  std::random_device random;
  for (int i = 0; i < kMaxNamesTried; ++i) {
    const std::string name = absl::StrFormat(".%08x%s", random(), kTemporarySuffix);
    TemporaryFile file{-1, (folder / name).string()};
    file.descriptor = open(file.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file.descriptor >= 0) return file;
    if (errno == ENOENT || errno == ENOTDIR) {
      return absl::NotFoundError(folder.empty()
                                     ? std::string("the working folder has been deleted")
                                     : absl::StrCat("there is no folder ", folder.string()));
    }
    if (errno != EEXIST) {
      return absl::ErrnoToStatus(errno,
                                 absl::StrCat("the folder ", folder.empty() ? "." : folder.string(),
                                              " takes no new file"));
    }
  }
  return absl::AlreadyExistsError("no free name for a temporary file");
}

absl::Status KeepPermissions(int descriptor, const struct stat& replaced) {
  struct stat made {};
  if (fstat(descriptor, &made) != 0) return absl::ErrnoToStatus(errno, "examining it failed");
  const mode_t mode = replaced.st_mode & 0777;
  if (replaced.st_mode != 0 && mode != (made.st_mode & 0777) && fchmod(descriptor, mode) != 0) {
    return absl::ErrnoToStatus(errno, "keeping the old file's permissions failed");
  }
  return absl::OkStatus();
}

absl::Status Fill(int descriptor, const struct stat& replaced,
                  absl::Span<const std::string_view> parts) {
  PATCHBAY_RETURN_IF_ERROR(KeepPermissions(descriptor, replaced));
  PATCHBAY_RETURN_IF_ERROR(WriteAll(descriptor, parts));
  if (fsync(descriptor) != 0) return absl::ErrnoToStatus(errno, "flush failed");
  return absl::OkStatus();
}

// After a loss of power the new name must be there too. Some file systems cannot do this; the file
// itself is complete all the same.
void FlushFolder(const fs::path& folder) {
  const int descriptor =
      open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  fsync(descriptor);
  close(descriptor);
}

absl::Status Write(const std::string& path, absl::Span<const std::string_view> parts) {
  PATCHBAY_ASSIGN_OR_RETURN(const struct stat status, Examine(path));
  if (IsSpecial(status)) return WriteToSpecialFile(path, status, parts);
  PATCHBAY_ASSIGN_OR_RETURN(const fs::path target, TargetOf(path));
  PATCHBAY_ASSIGN_OR_RETURN(const TemporaryFile temporary, MakeTemporary(target.parent_path()));
  absl::Status result = Close(temporary.descriptor, Fill(temporary.descriptor, status, parts));
  if (result.ok() && rename(temporary.path.c_str(), target.c_str()) != 0) {
    result = absl::ErrnoToStatus(errno, "rename failed");
  }
  if (!result.ok()) {
    unlink(temporary.path.c_str());
    return result;
  }
  FlushFolder(target.parent_path());
  return absl::OkStatus();
}

absl::Status Check(const std::string& path) {
  PATCHBAY_ASSIGN_OR_RETURN(const struct stat status, Examine(path));
  if (IsSpecial(status)) {
    if (access(path.c_str(), W_OK) == 0) return absl::OkStatus();
    return absl::ErrnoToStatus(errno, "this may not be written");
  }
  PATCHBAY_ASSIGN_OR_RETURN(const fs::path target, TargetOf(path));
  // Permissions alone do not tell: a file system may be read-only or of a kind of its own.
  PATCHBAY_ASSIGN_OR_RETURN(const TemporaryFile temporary, MakeTemporary(target.parent_path()));
  close(temporary.descriptor);
  unlink(temporary.path.c_str());
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteFileAtomically(const std::string& path,
                                 absl::Span<const std::string_view> parts) {
  const absl::Status status = Write(path, parts);
  return status.ok() ? status : CannotWrite(path, status);
}

absl::Status CheckWritable(const std::string& path) {
  const absl::Status status = Check(path);
  return status.ok() ? status : CannotWrite(path, status);
}

GrowingFile::GrowingFile(std::string path, std::string target, std::string temporary,
                         int descriptor)
    : path_(std::move(path)),
      target_(std::move(target)),
      temporary_(std::move(temporary)),
      descriptor_(descriptor) {}

absl::StatusOr<std::unique_ptr<GrowingFile>> GrowingFile::Create(const std::string& path) {
  const auto create = [&path]() -> absl::StatusOr<std::unique_ptr<GrowingFile>> {
    PATCHBAY_ASSIGN_OR_RETURN(const struct stat status, Examine(path));
    if (IsSpecial(status)) return absl::FailedPreconditionError("this is no regular file");
    PATCHBAY_ASSIGN_OR_RETURN(const fs::path target, TargetOf(path));
    PATCHBAY_ASSIGN_OR_RETURN(TemporaryFile temporary, MakeTemporary(target.parent_path()));
    std::unique_ptr<GrowingFile> file(
        new GrowingFile(path, target.string(), std::move(temporary.path), temporary.descriptor));
    PATCHBAY_RETURN_IF_ERROR(KeepPermissions(file->descriptor_, status));
    return file;
  };
  absl::StatusOr<std::unique_ptr<GrowingFile>> file = create();
  if (!file.ok()) return CannotWrite(path, file.status());
  return file;
}

GrowingFile::~GrowingFile() {
  if (descriptor_ >= 0) close(descriptor_);
  if (!is_committed_) unlink(temporary_.c_str());
}

absl::Status GrowingFile::Append(std::string_view bytes) {
  const absl::Status status = WriteAll(descriptor_, {bytes});
  return status.ok() ? status : CannotWrite(path_, status);
}

absl::Status GrowingFile::Overwrite(uint64_t place, std::string_view bytes) {
  const ssize_t written =
      pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(place));
  if (written == static_cast<ssize_t>(bytes.size())) return absl::OkStatus();
  return CannotWrite(path_, absl::ErrnoToStatus(errno, "write failed"));
}

absl::Status GrowingFile::Commit() {
  absl::Status status = absl::OkStatus();
  if (fsync(descriptor_) != 0) status = absl::ErrnoToStatus(errno, "flush failed");
  status = Close(std::exchange(descriptor_, -1), status);
  if (status.ok() && rename(temporary_.c_str(), target_.c_str()) != 0) {
    status = absl::ErrnoToStatus(errno, "rename failed");
  }
  if (!status.ok()) return CannotWrite(path_, status);
  is_committed_ = true;
  FlushFolder(fs::path(target_).parent_path());
  return absl::OkStatus();
}

void RemoveAbandonedTemporaries(const std::string& folder) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code ignored;
    if (name.front() == '.' && name.ends_with(kTemporarySuffix)) fs::remove(entry->path(), ignored);
  }
}

bool LeadToSameFile(const std::string& one, const std::string& other) {
  const auto place = [](const std::string& path) -> fs::path {
    const absl::StatusOr<struct stat> status = Examine(path);
    const absl::StatusOr<fs::path> target = TargetOf(path);
    if (!status.ok() || IsSpecial(*status) || !target.ok()) return {};
    std::error_code error;
    const fs::path folder = target->has_parent_path() ? target->parent_path() : fs::path(".");
    const fs::path canonical = fs::canonical(folder, error);
    return (error ? folder : canonical) / target->filename();
  };
  const fs::path first = place(one);
  return !first.empty() && first == place(other);
}

}  // namespace patchbay
