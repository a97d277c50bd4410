#ifndef PATCHBAY_HOST_ENGINE_PLUGIN_ACCESS_H_
#define PATCHBAY_HOST_ENGINE_PLUGIN_ACCESS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/plugins/plugin_status.h"
#include "host/runtime/pipeline/chosen_plugin.h"

namespace patchbay {

class PluginHost;

struct PluginFolders {
  // Folders that hold plugins' folders; the first that has an id wins.
  std::vector<std::string> folders;
  // Where installed plugins are kept; empty: none can be installed. One process at a time.
  std::string store;
  // patchbay-plugin-manifest, with which builds are tried in a process of their own before they are
  // loaded; empty: they are not.
  std::string probe_program = {};
  // Where plugins' settings find files by name; empty: only those that come with a request.
  std::string files = {};
  // How long a hook may take before that is a failure; 0: the usual time.
  double hook_seconds = 0;
};

// Finds the plugins; loads none of them yet.
absl::StatusOr<std::shared_ptr<PluginHost>> OpenPlugins(const PluginFolders& folders);

// "ID" or "ID:field=value,field=value". The fields are checked when the plugin is known.
// INVALID_ARGUMENT says where the text goes wrong.
absl::StatusOr<ChosenPlugin> ParseChosenPlugin(const std::string& text);

// Every build that the host knows, by id, the newest of each first.
std::vector<PluginStatus> ListPlugins(const PluginHost& plugins);
// The build of this plugin that a request that names it gets. NOT_FOUND with the nearest spelling.
absl::StatusOr<PluginStatus> FindPlugin(const PluginHost& plugins, const std::string& id);

// Whether these plugins are there and take these settings, and whether the files that the settings
// name are there, among those of a request or of the host's folder, and are pictures where they
// must be. INVALID_ARGUMENT names plugin and setting; NOT_FOUND as FindPlugin.
absl::Status CheckPlugins(const PluginHost& plugins, const std::vector<ChosenPlugin>& choices,
                          const std::vector<PluginFile>& files);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_PLUGIN_ACCESS_H_
