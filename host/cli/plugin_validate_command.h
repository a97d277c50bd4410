#ifndef PATCHBAY_HOST_CLI_PLUGIN_VALIDATE_COMMAND_H_
#define PATCHBAY_HOST_CLI_PLUGIN_VALIDATE_COMMAND_H_

#include <CLI/CLI.hpp>

#include "host/cli/generate_command.h"

namespace patchbay {

// Adds `plugin validate PATH` to `plugin`: tries a plugin on a tiny model, each check in a process
// of its own, one line for each.
void AddPluginValidateCommand(CLI::App& plugin, CommandAction& action);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_PLUGIN_VALIDATE_COMMAND_H_
