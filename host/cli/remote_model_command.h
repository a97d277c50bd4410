#ifndef PATCHBAY_HOST_CLI_REMOTE_MODEL_COMMAND_H_
#define PATCHBAY_HOST_CLI_REMOTE_MODEL_COMMAND_H_

#include <CLI/CLI.hpp>

#include "host/cli/connection.h"
#include "host/cli/model_command.h"

namespace patchbay {

// Adds `list`, `load NAME` and `unload NAME` to the subcommand `model`. `connection` must outlive
// them.
void AddRemoteModelCommands(CLI::App& model, CommandAction& action, const Connection& connection);

// Asks the server when one is named, else looks at the file.
ModelDescriber DescriberFor(const Connection& connection);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_REMOTE_MODEL_COMMAND_H_
