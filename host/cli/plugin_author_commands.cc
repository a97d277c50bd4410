#include "host/cli/plugin_author_commands.h"

#include "host/cli/plugin_docs_command.h"
#include "host/cli/plugin_new_command.h"
#include "host/cli/plugin_validate_command.h"

namespace patchbay {

void AddPluginAuthorCommands(CLI::App& plugin, CommandAction& action) {
  AddPluginNewCommand(plugin, action);
  AddPluginValidateCommand(plugin, action);
  AddPluginDocsCommand(plugin, action);
}

}  // namespace patchbay
