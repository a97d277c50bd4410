#include "host/plugins/plugin_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/mapped_file.h"
#include "host/base/sha256.h"
#include "host/base/spelling.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

constexpr uintmax_t kMaxLibraryBytes = uintmax_t{1} << 30;
constexpr size_t kMinDigestDigits = 8;
// Begins with a dot, which no plugin's id does.
constexpr char kTemporaryPrefix[] = ".installing-";
constexpr auto kAbandonedAfter = std::chrono::hours(1);

absl::Status SystemError(const std::error_code& error, const std::string& message) {
  return absl::ErrnoToStatus(error.value(), message);
}

// Removes the folder unless Keep() was called.
class TemporaryFolder {
 public:
  static absl::StatusOr<TemporaryFolder> Make(const std::string& parent) {
    std::string path = absl::StrCat(parent, "/", kTemporaryPrefix, "XXXXXX");
    if (mkdtemp(path.data()) == nullptr) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot make a folder in ", parent));
    }
    return TemporaryFolder(std::move(path));
  }
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, "")) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }
  void Keep() { path_.clear(); }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

absl::Status Flush(const std::string& path, int flags) {
  const int descriptor = open(path.c_str(), flags | O_CLOEXEC);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  const bool flushed = fsync(descriptor) == 0;
  const int error = errno;
  close(descriptor);
  return flushed ? absl::OkStatus()
                 : absl::ErrnoToStatus(error, absl::StrCat("cannot flush ", path));
}

absl::Status FlushFolder(const std::string& path) { return Flush(path, O_RDONLY | O_DIRECTORY); }

absl::Status Copy(const std::string& from, const std::string& to, mode_t mode) {
  std::error_code error;
  fs::copy_file(from, to, error);
  if (error) return SystemError(error, absl::StrCat("cannot copy ", from, " to ", to));
  if (chmod(to.c_str(), mode) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot set the permissions of ", to));
  }
  return Flush(to, O_RDONLY);
}

absl::Status CheckLibraryFile(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot read the plugin's library ", path));
  }
  if (!S_ISREG(status.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is not a regular file"));
  }
  if (static_cast<uintmax_t>(status.st_size) > kMaxLibraryBytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        path, " has ", status.st_size, " bytes; at most ", kMaxLibraryBytes, " are accepted"));
  }
  return absl::OkStatus();
}

absl::Status CheckDigest(const InstalledPlugin& plugin, const std::string& library) {
  PATCHBAY_ASSIGN_OR_RETURN(const std::string digest, Sha256OfFile(library));
  if (digest == plugin.manifest.sha256) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      "plugin \"", plugin.manifest.description.id, "\": the SHA-256 of ", plugin.manifest.library,
      " is ", digest, ", but its manifest says ", plugin.manifest.sha256,
      ". The file is damaged or the manifest is another "
      "build's: build or fetch the plugin again."));
}

std::string ManifestPath(const std::string& folder) {
  return absl::StrCat(folder, "/", kManifestFileName);
}

// Whether `target` is there with the manifest of the copy in `copy`.
bool IsIntact(const InstalledPlugin& target, const std::string& copy) {
  const auto installed = ReadPluginFolder(target.folder);
  if (!installed.ok() || installed->manifest.sha256 != target.manifest.sha256) return false;
  const auto wanted = Sha256OfFile(ManifestPath(copy));
  const auto found = Sha256OfFile(ManifestPath(target.folder));
  return wanted.ok() && found.ok() && *wanted == *found &&
         CheckDigest(*installed, installed->library_path).ok();
}

// Puts `from` in the place of `target`. What is there is moved aside first: a folder that holds
// files cannot be renamed over.
absl::Status Publish(TemporaryFolder& from, const InstalledPlugin& target,
                     const std::string& store) {
  std::error_code error;
  if (fs::exists(target.folder)) {
    PATCHBAY_ASSIGN_OR_RETURN(const TemporaryFolder aside, TemporaryFolder::Make(store));
    fs::rename(target.folder, aside.path() + "/damaged", error);
    if (error) return SystemError(error, absl::StrCat("cannot replace ", target.folder));
  }
  fs::rename(from.path(), target.folder, error);
  if (error) {
    // Another process may have been faster with the same bytes.
    if (IsIntact(target, from.path())) return absl::OkStatus();
    return SystemError(error, absl::StrCat("cannot make ", target.folder));
  }
  from.Keep();
  return FlushFolder(fs::path(target.folder).parent_path().string());
}

fs::file_time_type InstalledAt(const InstalledPlugin& plugin) {
  std::error_code ignored;
  return fs::last_write_time(plugin.folder, ignored);
}

// File systems round the times that they set themselves to some milliseconds, within which several
// plugins may be installed.
void MarkAsLast(const InstalledPlugin& plugin) {
  std::error_code ignored;
  fs::last_write_time(plugin.folder, fs::file_time_type::clock::now(), ignored);
}

std::vector<std::string> Folders(const std::string& path, std::error_code& error) {
  std::vector<std::string> folders;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_directory(ignored)) folders.push_back(entry->path().string());
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

void RemoveAbandoned(const std::string& store) {
  std::error_code ignored;
  for (const std::string& folder : Folders(store, ignored)) {
    if (fs::path(folder).filename().string().rfind(kTemporaryPrefix, 0) != 0) continue;
    const auto age = fs::file_time_type::clock::now() - fs::last_write_time(folder, ignored);
    if (age > kAbandonedAfter) fs::remove_all(folder, ignored);
  }
}

}  // namespace

absl::StatusOr<InstalledPlugin> ReadPluginFolder(const std::string& folder) {
  std::error_code error;
  const std::string absolute = fs::absolute(folder, error).lexically_normal().string();
  if (error) return SystemError(error, absl::StrCat("cannot find ", folder));
  InstalledPlugin plugin;
  PATCHBAY_ASSIGN_OR_RETURN(plugin.manifest,
                            ReadManifest(absl::StrCat(absolute, "/", kManifestFileName)));
  plugin.folder = absolute;
  plugin.library_path = absl::StrCat(absolute, "/", plugin.manifest.library);
  return plugin;
}

absl::StatusOr<PluginStore> PluginStore::Open(const std::string& folder) {
  std::error_code error;
  const std::string absolute = fs::absolute(folder, error).string();
  if (!error) fs::create_directories(absolute, error);
  if (error) return SystemError(error, absl::StrCat("cannot make the plugins' folder ", folder));
  RemoveAbandoned(absolute);
  return PluginStore(absolute);
}

absl::StatusOr<InstalledPlugin> PluginStore::Install(
    const std::string& plugin_folder,
    const std::function<absl::Status(const InstalledPlugin&)>& check) const {
  PATCHBAY_ASSIGN_OR_RETURN(const InstalledPlugin source, ReadPluginFolder(plugin_folder));
  PATCHBAY_RETURN_IF_ERROR(CheckLibraryFile(source.library_path));
  InstalledPlugin target = source;
  const std::string id_folder = absl::StrCat(folder_, "/", source.manifest.description.id);
  target.folder = absl::StrCat(id_folder, "/", source.manifest.sha256);
  target.library_path = absl::StrCat(target.folder, "/", source.manifest.library);

  PATCHBAY_ASSIGN_OR_RETURN(TemporaryFolder temporary, TemporaryFolder::Make(folder_));
  const std::string library = absl::StrCat(temporary.path(), "/", source.manifest.library);
  PATCHBAY_RETURN_IF_ERROR(Copy(source.library_path, library, 0444));
  // The copy is what counts: the original may change while it is read.
  PATCHBAY_RETURN_IF_ERROR(CheckDigest(source, library));
  PATCHBAY_RETURN_IF_ERROR(Copy(ManifestPath(source.folder), ManifestPath(temporary.path()), 0444));
  PATCHBAY_ASSIGN_OR_RETURN(const InstalledPlugin copy, ReadPluginFolder(temporary.path()));
  if (check != nullptr) PATCHBAY_RETURN_IF_ERROR(check(copy));
  if (IsIntact(target, temporary.path())) {
    // Installed once more is installed last.
    MarkAsLast(target);
    return ReadPluginFolder(target.folder);
  }
  PATCHBAY_RETURN_IF_ERROR(FlushFolder(temporary.path()));
  chmod(temporary.path().c_str(), 0755);

  std::error_code error;
  fs::create_directories(id_folder, error);
  if (error) return SystemError(error, absl::StrCat("cannot make ", id_folder));
  PATCHBAY_RETURN_IF_ERROR(Publish(temporary, target, folder_));
  MarkAsLast(target);
  return ReadPluginFolder(target.folder);
}

absl::StatusOr<PluginStore::Contents> PluginStore::List() const {
  Contents contents;
  std::error_code error;
  for (const std::string& id_folder : Folders(folder_, error)) {
    if (fs::path(id_folder).filename().string().front() == '.') continue;
    for (const std::string& folder : Folders(id_folder, error)) {
      absl::StatusOr<InstalledPlugin> plugin = ReadPluginFolder(folder);
      if (!plugin.ok()) {
        contents.problems.emplace_back(plugin.status().message());
      } else if (fs::path(folder).filename() != plugin->manifest.sha256 ||
                 fs::path(id_folder).filename() != plugin->manifest.description.id) {
        contents.problems.push_back(absl::StrCat(
            folder, ": its manifest is another plugin's or build's; install it again"));
      } else {
        contents.plugins.push_back(*std::move(plugin));
      }
    }
  }
  if (error) return SystemError(error, absl::StrCat("cannot list ", folder_));
  std::stable_sort(contents.plugins.begin(), contents.plugins.end(),
                   [](const InstalledPlugin& a, const InstalledPlugin& b) {
                     const int order = a.manifest.description.id.compare(b.manifest.description.id);
                     return order != 0 ? order < 0 : InstalledAt(a) > InstalledAt(b);
                   });
  return contents;
}

absl::StatusOr<InstalledPlugin> PluginStore::Find(std::string_view id_or_digest) const {
  PATCHBAY_ASSIGN_OR_RETURN(const Contents contents, List());
  std::vector<std::string> ids;
  std::vector<const InstalledPlugin*> matches;
  const bool is_digest = id_or_digest.size() >= kMinDigestDigits && IsHexadecimal(id_or_digest);
  for (const InstalledPlugin& plugin : contents.plugins) {
    if (plugin.manifest.description.id == id_or_digest) return plugin;
    ids.push_back(plugin.manifest.description.id);
    if (is_digest && plugin.manifest.sha256.rfind(id_or_digest, 0) == 0) matches.push_back(&plugin);
  }
  if (matches.size() == 1) return *matches.front();
  const std::string shown(id_or_digest.substr(0, 64));
  if (matches.size() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("several builds begin with ", shown, "; give more digits"));
  }
  const std::string nearest = NearestSpelling(shown, ids);
  return absl::NotFoundError(
      absl::StrCat("no plugin \"", shown, "\" is installed",
                   nearest.empty() ? "" : absl::StrCat("; did you mean \"", nearest, "\"?")));
}

absl::Status PluginStore::Remove(const InstalledPlugin& plugin) const {
  const std::string folder =
      absl::StrCat(folder_, "/", plugin.manifest.description.id, "/", plugin.manifest.sha256);
  PATCHBAY_ASSIGN_OR_RETURN(const TemporaryFolder aside, TemporaryFolder::Make(folder_));
  std::error_code error;
  fs::rename(folder, aside.path() + "/removed", error);
  if (error) return SystemError(error, absl::StrCat("cannot remove ", folder));
  // Fails while other builds of the plugin are there, which is right.
  fs::remove(absl::StrCat(folder_, "/", plugin.manifest.description.id), error);
  return absl::OkStatus();
}

}  // namespace patchbay
