#include "bridges/common/file_folder.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "bridges/common/status_macros.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFiles = 10'000;
constexpr uint64_t kMaxUpload = uint64_t{2} << 30;

// Without its folder, which is not a client's business.
absl::Status CannotRead(const std::string& path) {
  return absl::NotFoundError(
      absl::StrCat("the file ", fs::path(path).filename().string(), " cannot be read"));
}

}  // namespace

FileFolder::FileFolder(std::string folder, std::string suffix)
    : folder_(std::move(folder)), suffix_(std::move(suffix)) {}

std::vector<NamedPath> FileFolder::List() const {
  std::vector<NamedPath> files;
  std::error_code error;
  if (folder_.empty()) return files;
  fs::recursive_directory_iterator entry(folder_, error), end;
  for (; !error && entry != end && files.size() < kMaxFiles; entry.increment(error)) {
    std::error_code ignored;
    if (!entry->is_regular_file(ignored)) continue;
    std::string name = fs::path(entry->path()).lexically_relative(folder_).generic_string();
    if (!absl::EndsWithIgnoreCase(name, suffix_)) continue;
    name.resize(name.size() - suffix_.size());
    files.push_back({std::move(name), entry->path().string(), entry->file_size(ignored)});
  }
  std::sort(files.begin(), files.end(),
            [](const NamedPath& a, const NamedPath& b) { return a.name < b.name; });
  return files;
}

absl::StatusOr<std::string> FileFolder::Upload(const NamedPath& file, HostSession& host) {
  std::error_code error;
  const int64_t change_time = fs::last_write_time(file.path, error).time_since_epoch().count();
  {
    const std::lock_guard lock(mutex_);
    const auto found = sent_.find(file.path);
    if (found != sent_.end() && found->second.change_time == change_time &&
        found->second.bytes == file.bytes) {
      return found->second.artifact_id;
    }
  }
  BRIDGE_ASSIGN_OR_RETURN(const std::string bytes, ReadWholeFile(file.path, kMaxUpload));
  BRIDGE_ASSIGN_OR_RETURN(std::string id, host.Upload(bytes));
  const std::lock_guard lock(mutex_);
  sent_[file.path] = {change_time, file.bytes, id};
  return id;
}

absl::StatusOr<std::string> ReadWholeFile(const std::string& path, uint64_t max_bytes) {
  std::error_code error;
  const uint64_t size = fs::file_size(path, error);
  if (error) return CannotRead(path);
  if (size > max_bytes) {
    return absl::OutOfRangeError(absl::StrCat(path, " has more than ", max_bytes, " bytes"));
  }
  std::ifstream stream(path, std::ios::binary);
  std::string bytes(size, '\0');
  stream.read(bytes.data(), static_cast<std::streamsize>(size));
  if (!stream) return CannotRead(path);
  return bytes;
}

absl::Status WriteWholeFile(const std::string& path, std::string_view bytes) {
  std::error_code error;
  if (fs::is_directory(path, error) || !fs::is_directory(fs::path(path).parent_path(), error)) {
    return absl::InvalidArgumentError("a folder, or no folder, is where this file would be");
  }
  const absl::Status failed =
      absl::InternalError(absl::StrCat(fs::path(path).filename().string(), " cannot be written"));
  const std::string fresh = absl::StrCat(path, ".new");
  {
    std::ofstream stream(fresh, std::ios::binary | std::ios::trunc);
    stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!stream.flush()) return failed;
  }
  fs::rename(fresh, path, error);
  return error ? failed : absl::OkStatus();
}

}  // namespace patchbay
