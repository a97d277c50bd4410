#ifndef PATCHBAY_HOST_CLI_PLUGIN_WATCH_COMMAND_H_
#define PATCHBAY_HOST_CLI_PLUGIN_WATCH_COMMAND_H_

#include <CLI/CLI.hpp>

#include "host/cli/connection.h"
#include "host/cli/generate_command.h"

namespace patchbay {

// Adds `plugin watch`: builds a plugin whenever one of its sources is saved, and lets the new build
// act on a server. `connection` must outlive the program.
void AddPluginWatchCommand(CLI::App& plugin, CommandAction& action, const Connection& connection);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_PLUGIN_WATCH_COMMAND_H_
