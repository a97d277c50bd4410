#ifndef PATCHBAY_HOST_PLUGINS_PLUGIN_HOST_H_
#define PATCHBAY_HOST_PLUGINS_PLUGIN_HOST_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "host/plugins/hook_monitor.h"
#include "host/plugins/plugin_store.h"
#include "host/runtime/pipeline/chosen_plugin.h"
#include "patchbay/abi/model.h"

namespace patchbay {

class Chain;
class SiteTable;

struct PluginHostOptions {
  // Folders that hold plugins' folders, such as the one beside the program. Plugins are served from
  // there as they are; when two hold the same id, the first one wins.
  std::vector<std::string> folders;
  // Where installed plugins are kept; empty: none can be installed. What is installed comes before
  // the folders.
  std::string store_folder;
  HookLimits limits;
  // Null for none; must outlive the host.
  Breadcrumbs* breadcrumbs = nullptr;
};

// Knows the plugins, loads them when they are first asked for, and builds chains of them. For each
// id one build is active: new chains take that one, and chains that exist keep the one they have.
// Any thread.
class PluginHost {
 public:
  static absl::StatusOr<std::unique_ptr<PluginHost>> Open(const PluginHostOptions& options);
  // All chains must be gone.
  ~PluginHost();
  PluginHost(const PluginHost&) = delete;
  PluginHost& operator=(const PluginHost&) = delete;

  // The active build of each plugin, by id, whether it is loaded or not.
  std::vector<InstalledPlugin> Plugins() const;

  // The active build of one. NOT_FOUND with the nearest spelling.
  absl::StatusOr<InstalledPlugin> Active(const std::string& id) const;

  // Copies a plugin's folder into the store; runs none of its code.
  absl::StatusOr<InstalledPlugin> Install(const std::string& plugin_folder);
  // Loads a build and makes it the active one of its id. Any failure leaves all as it was.
  absl::Status Activate(const InstalledPlugin& plugin);
  // Makes the build active that was before; FAILED_PRECONDITION when there is none.
  absl::StatusOr<InstalledPlugin> RollBack(const std::string& id);

  // The chain of these plugins for a model whose denoiser has these sites. NOT_FOUND names a plugin
  // that is not there, with the nearest spelling; otherwise as Chain::Build. The model's parts must
  // outlive the chain; it may be let go of on any thread.
  absl::StatusOr<std::shared_ptr<const Chain>> BuildChain(absl::Span<const ChosenPlugin> choices,
                                                          bool is_explicit, const SiteTable& sites,
                                                          const patchbay_model_info& model);

  // Returns when everything that was let go of before is gone.
  void Settle();

  HookMonitor& monitor();

 private:
  class State;
  explicit PluginHost(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_PLUGIN_HOST_H_
