#ifndef PATCHBAY_HOST_CLI_REMOTE_PLUGIN_COMMAND_H_
#define PATCHBAY_HOST_CLI_REMOTE_PLUGIN_COMMAND_H_

#include <CLI/CLI.hpp>

#include "host/cli/connection.h"
#include "host/cli/plugin_action_command.h"
#include "host/cli/plugin_command.h"

namespace patchbay {

// The server's plugins where the user names a server, else those that come with the program.
// `connection` must outlive the source.
PluginSource PluginsOf(const Connection& connection);

// Runs actions on the server where the user names one, else in this process. `connection` must
// outlive the result.
ActionProgram ActionsOf(const Connection& connection);

// Adds `plugin install`, `activate`, `rollback`, `retire` and `plan`, all of which only a server
// does. `connection` must outlive the program.
void AddRemotePluginCommands(CLI::App& plugin, CommandAction& action, const Connection& connection);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_REMOTE_PLUGIN_COMMAND_H_
