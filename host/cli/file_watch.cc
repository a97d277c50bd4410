#include "host/cli/file_watch.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kChanges =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ONLYDIR;
constexpr absl::Duration kAskInterval = absl::Milliseconds(100);

bool IsPassedOver(const fs::path& folder) {
  std::error_code error;
  return folder.filename().string().rfind('.', 0) == 0 ||
         fs::exists(folder / "CMakeCache.txt", error);
}

}  // namespace

FileWatch::FileWatch(FileWatch&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), folders_(std::move(other.folders_)) {}

FileWatch::~FileWatch() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::StatusOr<FileWatch> FileWatch::Open(const std::string& folder) {
  FileWatch watch(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (watch.descriptor_ < 0) return absl::ErrnoToStatus(errno, "cannot watch files");
  PATCHBAY_RETURN_IF_ERROR(watch.Add(folder));
  return watch;
}

absl::Status FileWatch::Add(const std::string& folder) {
  const int watch = inotify_add_watch(descriptor_, folder.c_str(), kChanges);
  if (watch < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot watch ", folder));
  folders_[watch] = folder;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (!entry.is_directory(error) || entry.is_symlink(error)) continue;
    if (!IsPassedOver(entry.path())) PATCHBAY_RETURN_IF_ERROR(Add(entry.path().string()));
  }
  return absl::OkStatus();
}

bool FileWatch::Changed(absl::Duration limit, std::set<std::string>& changed) {
  pollfd waiting{descriptor_, POLLIN, 0};
  if (poll(&waiting, 1, static_cast<int>(absl::ToInt64Milliseconds(limit))) <= 0) return false;
  alignas(inotify_event) char buffer[16 << 10];
  bool any = false;
  for (ssize_t size = 0; (size = read(descriptor_, buffer, sizeof(buffer))) > 0;) {
    for (ssize_t at = 0; at < size;) {
      const auto* const event = reinterpret_cast<const inotify_event*>(buffer + at);
      at += static_cast<ssize_t>(sizeof(inotify_event)) + event->len;
      const std::string name = event->len > 0 ? event->name : "";
      if (name.rfind('.', 0) == 0) continue;
      const fs::path path = fs::path(folders_[event->wd]) / name;
      if ((event->mask & IN_ISDIR) == 0) {
        any = true;
        changed.insert(path.string());
      } else if ((event->mask & (IN_CREATE | IN_MOVED_TO)) != 0) {
        // One that has gone again already is no loss.
        if (!IsPassedOver(path)) Add(path.string()).IgnoreError();
      }
    }
  }
  return any;
}

absl::StatusOr<std::set<std::string>> FileWatch::WaitForChange(
    absl::Duration quiet, const std::function<bool()>& is_interrupted) {
  std::set<std::string> changed;
  while (!Changed(kAskInterval, changed)) {
    if (is_interrupted()) return std::set<std::string>();
  }
  while (Changed(quiet, changed)) {
  }
  if (is_interrupted()) changed.clear();
  return changed;
}

}  // namespace patchbay
