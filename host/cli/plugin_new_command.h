#ifndef PATCHBAY_HOST_CLI_PLUGIN_NEW_COMMAND_H_
#define PATCHBAY_HOST_CLI_PLUGIN_NEW_COMMAND_H_

#include <CLI/CLI.hpp>

#include "host/cli/generate_command.h"

namespace patchbay {

// Adds `plugin new NAME` to `plugin`: writes a project of a plugin from the template that comes
// with the program (plugin_api/template).
void AddPluginNewCommand(CLI::App& plugin, CommandAction& action);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_PLUGIN_NEW_COMMAND_H_
