#ifndef PATCHBAY_HOST_PLUGINS_PLUGIN_STORE_H_
#define PATCHBAY_HOST_PLUGINS_PLUGIN_STORE_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "host/plugins/manifest.h"

namespace patchbay {

// One build of a plugin on disk.
struct InstalledPlugin {
  PluginManifest manifest;
  std::string folder;        // absolute
  std::string library_path;  // absolute
};

// A folder with every build of every plugin that was installed: <id>/<sha256>/ holds the library
// and its plugin.json. A build gets its name from its bytes, so one that is in use is never written
// to, two versions of a plugin can be loaded side by side, and the loader never takes one for the
// other. Several processes may use one folder at a time. Any thread.
class PluginStore {
 public:
  // Makes the folder where it is missing, and clears what interrupted installations left.
  static absl::StatusOr<PluginStore> Open(const std::string& folder);

  // Copies the plugin in `plugin_folder` (plugin.json and the library that it names). Runs none of
  // its code. Whole or not at all; a build that is already there with the same manifest is
  // left as it is, unless it is damaged. INVALID_ARGUMENT: a bad manifest. NOT_FOUND: no manifest
  // or no library. DATA_LOSS: the library is not the one that the manifest was written for.
  // RESOURCE_EXHAUSTED: larger than 1 GiB, or the disk is full. `check` is asked about the copy
  // before that takes its place; what it refuses leaves nothing behind, and a build that was there
  // before stays.
  absl::StatusOr<InstalledPlugin> Install(
      const std::string& plugin_folder,
      const std::function<absl::Status(const InstalledPlugin&)>& check = nullptr) const;

  struct Contents {
    // By id, then the newest first.
    std::vector<InstalledPlugin> plugins;
    // What could not be read, and why, for people.
    std::vector<std::string> problems;
  };
  absl::StatusOr<Contents> List() const;

  // By id: its build that was installed last. By the first 8 or more digits of a build's SHA-256:
  // that one. NOT_FOUND names the nearest spelling; INVALID_ARGUMENT: several builds begin like
  // this.
  absl::StatusOr<InstalledPlugin> Find(std::string_view id_or_digest) const;

  // Forgets a build. The file stays in memory where it is loaded.
  absl::Status Remove(const InstalledPlugin& plugin) const;

  const std::string& folder() const { return folder_; }

 private:
  explicit PluginStore(std::string folder) : folder_(std::move(folder)) {}

  std::string folder_;
};

// Reads a plugin where the build has left it, without copying it and without looking at its
// library.
absl::StatusOr<InstalledPlugin> ReadPluginFolder(const std::string& folder);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_PLUGIN_STORE_H_
