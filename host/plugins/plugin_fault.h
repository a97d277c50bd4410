#ifndef PATCHBAY_HOST_PLUGINS_PLUGIN_FAULT_H_
#define PATCHBAY_HOST_PLUGINS_PLUGIN_FAULT_H_

#include <optional>
#include <string>

#include "absl/status/status.h"

namespace patchbay {

// Which plugin an error is to be blamed on.
struct PluginFault {
  enum class Kind {
    kFailed,       // a hook gave an error, a wrong shape or bad numbers, or took too long
    kRefused,      // it could not be made or attached with these settings to this model
    kSuspended,    // taken out after repeated faults
    kQuarantined,  // blamed for the end of an earlier process
  };
  Kind kind = Kind::kFailed;
  std::string plugin;
  std::string build;
  std::string hook;  // empty outside of hooks
};

// The status with the blame attached. It travels inside the status and survives copies.
absl::Status WithPluginFault(absl::Status status, const PluginFault& fault);
// What was attached; none where no plugin is to blame.
std::optional<PluginFault> PluginFaultOf(const absl::Status& status);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_PLUGIN_FAULT_H_
