#ifndef PATCHBAY_HOST_PLUGINS_PLUGIN_HOST_H_
#define PATCHBAY_HOST_PLUGINS_PLUGIN_HOST_H_

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "host/plugins/hook_monitor.h"
#include "host/plugins/plugin_files.h"
#include "host/plugins/plugin_probe.h"
#include "host/plugins/plugin_status.h"
#include "host/runtime/pipeline/chosen_plugin.h"
#include "patchbay/abi/model.h"

namespace patchbay {

class Chain;
class SiteTable;
class WeightSource;

// What a chain is built for; see ChainEnvironment.
struct ChainTarget {
  const SiteTable& sites;
  const patchbay_model_info& model;
  const WeightSource* weights = nullptr;
  std::string action = {};
  // That come with the request, for settings that name files.
  absl::Span<const PluginFile> files = {};
};

struct PluginHostOptions {
  // Folders that hold plugins' folders, such as the one beside the program. When two hold the same
  // id, the first one wins.
  std::vector<std::string> folders;
  // Where installed plugins, what is active, and breadcrumbs are kept; empty: plugins are used
  // where they are, and nothing can be installed or activated. What is installed comes before the
  // folders. One process at a time.
  std::string store_folder;
  // Where settings find the files that they name, besides those that come with a request; empty:
  // nowhere.
  std::string files_folder;
  HookLimits limits;
  // How a build is tried before it is first loaded; none: it is not.
  std::optional<ProbeOptions> probe;
};

// The plugins that a job is to have.
struct PluginSelection {
  std::vector<ChosenPlugin> choices;
  // Besides: those that are active. A choice of one of them adds to the settings it is active with.
  bool with_default_chain = false;
  // A chosen plugin that is suspended or quarantined is left out with a warning, not refused.
  bool skips_unusable = false;
  // Ids that are left out whatever else is said.
  std::set<std::string> left_out;
};

struct ResolvedPlugins {
  std::vector<ChosenPlugin> plugins;  // each with its build and all that it is to be set to
  std::vector<std::string> warnings;
};

// Knows the plugins, loads them when they are first asked for, and builds chains of them. Active
// plugins form the default chain: jobs that begin from then on have them unless they say otherwise.
// Chains that exist keep the builds they have. Any thread.
class PluginHost {
 public:
  // Takes up what the former process left. A build in which it crashed is quarantined; one in which
  // it ended without a crash's signal (which SIGKILL explains as well) after the third time.
  static absl::StatusOr<std::unique_ptr<PluginHost>> Open(const PluginHostOptions& options);
  // All chains must be gone.
  ~PluginHost();
  PluginHost(const PluginHost&) = delete;
  PluginHost& operator=(const PluginHost&) = delete;

  // Every build, by id, the newest of each first.
  std::vector<PluginStatus> Builds() const;
  // The build that begins with these digits (8 or more); empty: the one that a choice without a
  // build gets, which is the active one, else the one that was active last, else the newest.
  // NOT_FOUND with the nearest spelling.
  absl::StatusOr<PluginStatus> Find(const std::string& id, const std::string& digits = "") const;

  // Which builds with which settings a job gets that begins now. NOT_FOUND as Find;
  // FAILED_PRECONDITION with a PluginFault for a choice that is suspended or quarantined.
  absl::StatusOr<ResolvedPlugins> Resolve(const PluginSelection& selection) const;

  // Copies a plugin's folder into the store and tries it in a process of its own. It does not act
  // yet. Errors: as PluginStore::Install and ProbePlugin; nothing is left of a build then.
  absl::StatusOr<PluginStatus> Install(const std::string& plugin_folder);
  // Loads a build (empty digits: the newest), makes it once with these settings, and lets it act,
  // also if it was suspended or quarantined. Settings that are left out stay as they are active;
  // files that settings name are those of the host's folder.
  // Any failure leaves all as it was; so in the next two.
  absl::StatusOr<PluginStatus> Activate(const std::string& id, const std::string& digits,
                                        const SettingPairs& settings);
  // Lets act what acted before. FAILED_PRECONDITION when there was nothing.
  absl::StatusOr<PluginStatus> RollBack(const std::string& id);
  // Takes a plugin out of the default chain. FAILED_PRECONDITION when it is not in it.
  absl::StatusOr<PluginStatus> Retire(const std::string& id);

  // In which order active plugins act in jobs that begin from now on; see OrderChain. Empty: as
  // they declare. Gives the active ones, the first to act first. INVALID_ARGUMENT when two of them
  // declare another order or one is there twice; NOT_FOUND as Find.
  absl::StatusOr<std::vector<PluginStatus>> SetOrder(const std::vector<std::string>& ids);

  // What settings that name files can name when a request brings these.
  PluginFiles FilesFor(absl::Span<const PluginFile> from_request) const;
  // For each setting of these plugins that names a file, in order, what tells the file from others,
  // also from one that was there before under the same name and path. INVALID_ARGUMENT when there
  // is none; NOT_FOUND as Find.
  absl::StatusOr<std::vector<std::string>> FileIdentities(
      absl::Span<const ChosenPlugin> choices, absl::Span<const PluginFile> from_request) const;

  // The chain of these plugins for a model whose denoiser has these sites. NOT_FOUND as Find;
  // otherwise as Chain::Build. The model's parts must outlive the chain; it may be let go of on any
  // thread.
  absl::StatusOr<std::shared_ptr<const Chain>> BuildChain(absl::Span<const ChosenPlugin> choices,
                                                          bool is_explicit,
                                                          const ChainTarget& target);

  // Counts as a job's use of the chain's builds for as long as it is held.
  std::shared_ptr<const void> BeginUse(const Chain& chain);
  // A job with this chain has ended well.
  void RecordSuccess(const Chain& chain);

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
