#ifndef PATCHBAY_HOST_PLUGINS_PLUGIN_RECORDS_H_
#define PATCHBAY_HOST_PLUGINS_PLUGIN_RECORDS_H_

#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/plugins/plugin_status.h"

namespace patchbay {

// What a host remembers of its plugins from one process to the next. A build is named by the
// SHA-256 of its library.
struct PluginRecords {
  // A build with the settings that it acts with.
  struct Activation {
    std::string build;
    SettingPairs settings;
    bool operator==(const Activation&) const = default;
  };
  struct OfPlugin {
    std::optional<Activation> active;
    std::optional<Activation> previous;  // what a roll-back goes to
    std::string chosen;  // the build that was activated last, also after the plugin was retired
    bool operator==(const OfPlugin&) const = default;
  };

  std::map<std::string, OfPlugin> plugins;        // by id
  std::vector<std::string> order;                 // in which an operator wants plugins to act
  std::map<std::string, std::string> quarantine;  // why, by build
  std::map<std::string, int> unexplained_ends;    // of a process inside the build, by build
  // What came of loading a build in a process of its own: empty when it went well. By the SHA-256
  // of its library and of its manifest, with a space between.
  std::map<std::string, std::string> probes;
  std::string host_fingerprint;  // of the host that the probes were made for

  bool operator==(const PluginRecords&) const = default;
};

// Empty records where there is no file; DATA_LOSS for one that cannot be understood.
absl::StatusOr<PluginRecords> ReadPluginRecords(const std::string& path);
// Whole or not at all.
absl::Status WritePluginRecords(const std::string& path, const PluginRecords& records);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_PLUGIN_RECORDS_H_
