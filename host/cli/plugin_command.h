#ifndef PATCHBAY_HOST_CLI_PLUGIN_COMMAND_H_
#define PATCHBAY_HOST_CLI_PLUGIN_COMMAND_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/cli/generate_command.h"
#include "host/engine/plugin_access.h"

namespace patchbay {

// Where `plugin list` and `plugin show` look.
struct PluginSource {
  std::function<absl::StatusOr<std::vector<PluginStatus>>()> list;
  std::function<absl::StatusOr<PluginStatus>(const std::string& id)> show;
};

// The plugins that come with the program, without a server.
PluginSource PluginsHere();

// Adds `plugin list` and `plugin show` to the program. Returns the subcommand `plugin`, to which
// others are added.
CLI::App* AddPluginCommand(CLI::App& program, CommandAction& action, PluginSource source);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_PLUGIN_COMMAND_H_
