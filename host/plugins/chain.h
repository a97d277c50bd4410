#ifndef PATCHBAY_HOST_PLUGINS_CHAIN_H_
#define PATCHBAY_HOST_PLUGINS_CHAIN_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/plugins/action_model.h"
#include "host/plugins/action_observer.h"
#include "host/plugins/chain_plan.h"
#include "host/plugins/hook_monitor.h"
#include "host/plugins/plugin_library.h"
#include "host/plugins/plugin_settings.h"
#include "host/plugins/setting_array.h"
#include "host/plugins/shared_objects.h"
#include "host/runtime/hooks/sampling_hooks.h"
#include "host/runtime/nn/site.h"
#include "host/runtime/nn/weight_source.h"
#include "patchbay/abi/model.h"

namespace patchbay {

// One plugin of a chain, as it was asked for.
struct ChainEntry {
  std::shared_ptr<const PluginLibrary> library;
  PluginSettings settings;
  int wished_place = 0;  // as ChosenPlugin
};

// What a chain is built for and with. All must outlive the chain.
struct ChainEnvironment {
  const SiteTable& sites;
  const patchbay_model_info& model;
  HookMonitor& monitor;
  SharedObjects& shared;
  SettingResources resources;
  // Null: the model keeps all its weights.
  const WeightSource* weights = nullptr;
  // The id of the action that the chain is for; empty: it is for jobs.
  std::string action = {};
};

// Plugins with their settings, in order, attached to a model. Immutable; shared by the jobs that
// run with it. Whoever lets go of the last reference must be on the control thread: that destroys
// the plugins' instances.
class Chain {
 public:
  // Orders the plugins (see OrderChain; is_explicit: as given), makes an instance of each, and
  // attaches them. The first error ends it and names the plugin: settings that do not go together,
  // a site that the model has not got, two plugins that claim one site, a suspended build. It
  // carries a PluginFault where one plugin is to blame.
  static absl::StatusOr<std::shared_ptr<const Chain>> Build(std::vector<ChainEntry> entries,
                                                            bool is_explicit,
                                                            const ChainEnvironment& environment);
  // Makes an instance and destroys it again; the error is the plugin's.
  static absl::Status TryMake(const ChainEntry& entry, HookMonitor& monitor,
                              const SettingResources& resources);
  // What an action of a chain with one plugin alone is called with. NOT_FOUND for one that it does
  // not have; INVALID_ARGUMENT for settings that the action does not take.
  absl::StatusOr<PluginSettings> ActionSettings(const std::string& action,
                                                const SettingPairs& settings) const;
  // Runs an action of a chain that has one plugin alone. settings: of the action's own fields, with
  // which it is called; `resources` has the files that they name. Any thread, for as long as it
  // takes; the model must stay. CANCELLED when the observer wanted that; otherwise the error is the
  // plugin's.
  absl::Status RunAction(const std::string& action, const PluginSettings& settings,
                         const SettingResources& resources, ActionModel& model,
                         ActionObserver& observer) const;
  ~Chain();
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;

  // What jobs run with. Its text is like "cfgpp 1.0.0 (scale=0.7) 1f2e3d4c5b6a".
  const ModelHooks& hooks() const { return hooks_; }
  // The builds (sha256) in order.
  const std::vector<std::string>& builds() const { return builds_; }
  // Operators whose weights it does without: all its hooks replace them whatever a job asks for.
  const std::set<SiteIndex>& released() const { return released_; }
  // Bytes that its plugins keep in the place of these weights, by their type ("int8").
  const std::map<std::string, uint64_t>& stand_ins() const { return stand_ins_; }
  // What is in it and where it hangs.
  const ChainPlan& plan() const { return plan_; }

 private:
  class Instance;  // chain_instance.h

  Chain();

  // Destroyed from the last to the first: hooks before the instances that they belong to, those
  // before what they share, all before the libraries with their code.
  std::vector<std::shared_ptr<const PluginLibrary>> libraries_;
  std::vector<patchbay_site> sites_;
  std::vector<std::shared_ptr<void>> shared_;
  std::vector<std::unique_ptr<Instance>> instances_;
  ModelHooks hooks_;
  std::vector<std::string> builds_;
  std::set<SiteIndex> released_;
  std::map<std::string, uint64_t> stand_ins_;
  ChainPlan plan_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_CHAIN_H_
