#ifndef PATCHBAY_HOST_PLUGINS_PLUGIN_STATUS_H_
#define PATCHBAY_HOST_PLUGINS_PLUGIN_STATUS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "host/plugins/plugin_description.h"

namespace patchbay {

// Where a build of a plugin is in its life.
enum class PluginState {
  // Usable by requests that name the plugin.
  kInstalled,
  // Part of the default chain as well.
  kActive,
  // Was active; jobs that began before still use it.
  kRetiring,
  // Was active; no job uses it any more.
  kRetired,
  // Taken out after repeated faults.
  kSuspended,
  // Blamed for the end of the process; not used until it is activated by hand.
  kQuarantined
};

// "installed", "active", "retiring", "retired", "suspended", "quarantined"
std::string_view PluginStateName(PluginState state);

// Field and value as typed.
using SettingPairs = std::vector<std::pair<std::string, std::string>>;

// One build of a plugin as it is at one moment.
struct PluginStatus {
  PluginDescription description;
  std::string build;  // SHA-256 of the library
  PluginState state = PluginState::kInstalled;
  absl::Time install_time;
  std::vector<std::string> hooks;  // those it was seen to hang, else those it cannot do without
  SettingPairs settings;           // that it is active with; empty unless it is active
  int place = 0;                   // among the active plugins, from 1 on; 0 unless it is active
  uint64_t fault_count = 0;        // since the process began
  absl::Status fault;              // the last one, or why it is suspended or quarantined
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_PLUGIN_STATUS_H_
