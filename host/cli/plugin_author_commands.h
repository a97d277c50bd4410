#ifndef PATCHBAY_HOST_CLI_PLUGIN_AUTHOR_COMMANDS_H_
#define PATCHBAY_HOST_CLI_PLUGIN_AUTHOR_COMMANDS_H_

#include <CLI/CLI.hpp>

#include "host/cli/generate_command.h"

namespace patchbay {

// Adds what plugin authors use to `plugin`: new, validate and docs. None of them needs a server.
void AddPluginAuthorCommands(CLI::App& plugin, CommandAction& action);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_PLUGIN_AUTHOR_COMMANDS_H_
