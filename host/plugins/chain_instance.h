#ifndef PATCHBAY_HOST_PLUGINS_CHAIN_INSTANCE_H_
#define PATCHBAY_HOST_PLUGINS_CHAIN_INSTANCE_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/plugins/chain.h"
#include "host/plugins/hook_target.h"
#include "patchbay/abi/plugin.h"

namespace patchbay {

// A plugin with one set of settings; destroyed with it. Errors are the plugin's own and carry a
// PluginFault. Breadcrumbs are left wherever its code runs.
class Chain::Instance {
 public:
  // Control thread, and so are Attach() and the destructor. The library must outlive it.
  static absl::StatusOr<std::unique_ptr<Instance>> Make(const ChainEntry& entry,
                                                        std::shared_ptr<const HookOwner> owner,
                                                        const SettingResources& resources);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  absl::Status Attach(patchbay_attach& attach);
  // Any thread. UNIMPLEMENTED for a plugin without actions.
  absl::Status RunAction(const std::string& action, patchbay_action_context& context) const;

 private:
  Instance(const patchbay_plugin_functions& functions, std::shared_ptr<const HookOwner> owner,
           patchbay_instance* instance)
      : functions_(functions), owner_(std::move(owner)), instance_(instance) {}

  const patchbay_plugin_functions& functions_;
  const std::shared_ptr<const HookOwner> owner_;
  patchbay_instance* const instance_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_CHAIN_INSTANCE_H_
