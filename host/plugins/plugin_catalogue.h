#ifndef PATCHBAY_HOST_PLUGINS_PLUGIN_CATALOGUE_H_
#define PATCHBAY_HOST_PLUGINS_PLUGIN_CATALOGUE_H_

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "host/plugins/chain_order.h"
#include "host/plugins/plugin_records.h"
#include "host/plugins/plugin_status.h"
#include "host/plugins/plugin_store.h"

namespace patchbay {

// Every build of every plugin that a host knows, and which of them are to act: no file is touched
// and nothing is loaded here. One thread at a time.
class PluginCatalogue {
 public:
  struct Build {
    InstalledPlugin plugin;
    absl::Time install_time;
    bool in_store = false;  // or in one of the folders
  };

  // The records may name builds that are not there; those are passed over.
  explicit PluginCatalogue(PluginRecords records = {}) : records_(std::move(records)) {}

  // Adds a build as the newest of its plugin; it replaces one with the same name.
  void AddNewest(Build build);
  // Takes the place of the one with the same name.
  void Replace(const Build& build);
  // As the oldest; one with the same name stays.
  void AddOldest(Build build);

  // A plugin's builds, the newest first, by id.
  const std::map<std::string, std::vector<Build>>& plugins() const { return plugins_; }

  // The build of this plugin that begins with these digits (at least 8). Empty: the active one,
  // else the one that was activated last, else the newest. NOT_FOUND says what there is.
  absl::StatusOr<Build> Find(const std::string& id, std::string_view digits = {}) const;

  // Makes a build that is there act with these settings; what acted before can be rolled back to.
  // FAILED_PRECONDITION when it and those that act besides cannot act together.
  absl::Status Activate(const std::string& id, PluginRecords::Activation activation);
  // What acted before acts again, and the other way round. FAILED_PRECONDITION when there was none,
  // when it is not there any more, and as Activate.
  absl::Status RollBack(const std::string& id);
  // FAILED_PRECONDITION when it does not act.
  absl::Status Retire(const std::string& id);

  // Wants these plugins to act in this order; others that were given an order before keep their
  // places in it. None: in the one that all declare. INVALID_ARGUMENT as CheckPrecedence; NOT_FOUND
  // as Find.
  absl::Status SetOrder(const std::vector<std::string>& ids);
  // What the plugin's place in that order is, from 1 on; 0: it is not named there.
  int WishedPlace(const std::string& id) const;

  // What acts, by id; null where it does not.
  const PluginRecords::Activation* Active(const std::string& id) const;
  // Ids of the plugins that act, the first to act first; by id where they cannot act together.
  std::vector<std::string> ActiveIds() const;
  // Whether the build acted before, in this process, or can be rolled back to.
  bool WasActive(const std::string& id, const std::string& build) const;

  PluginRecords& records() { return records_; }
  const PluginRecords& records() const { return records_; }

 private:
  const Build* FindExact(const std::string& id, const std::string& build) const;
  OrderConstraints ConstraintsOfActive(const std::string& id) const;
  // Whether this build could act besides the other plugins that act.
  absl::Status CheckBesideActive(const std::string& id, const Build& build) const;

  PluginRecords records_;
  std::map<std::string, std::vector<Build>> plugins_;
  std::set<std::string> was_active_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_PLUGIN_CATALOGUE_H_
