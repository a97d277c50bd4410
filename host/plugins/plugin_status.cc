#include "host/plugins/plugin_status.h"

namespace patchbay {

std::string_view PluginStateName(PluginState state) {
  switch (state) {
    case PluginState::kInstalled:
      return "installed";
    case PluginState::kActive:
      return "active";
    case PluginState::kRetiring:
      return "retiring";
    case PluginState::kRetired:
      return "retired";
    case PluginState::kSuspended:
      return "suspended";
    case PluginState::kQuarantined:
      return "quarantined";
  }
  return "installed";
}

}  // namespace patchbay
