#ifndef PATCHBAY_HOST_CLI_PLUGIN_DOCS_COMMAND_H_
#define PATCHBAY_HOST_CLI_PLUGIN_DOCS_COMMAND_H_

#include <CLI/CLI.hpp>

#include "host/cli/generate_command.h"

namespace patchbay {

// Adds `plugin docs ID|PATH` to `plugin`: a plugin's parameters, hooks and place in the order as
// Markdown, for its README.
void AddPluginDocsCommand(CLI::App& plugin, CommandAction& action);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_PLUGIN_DOCS_COMMAND_H_
