#ifndef PATCHBAY_HOST_CLI_MODEL_COMMAND_H_
#define PATCHBAY_HOST_CLI_MODEL_COMMAND_H_

#include <CLI/CLI.hpp>

#include "host/cli/generate_command.h"

namespace patchbay {

// Adds `model inspect PATH [--json]` and `model sites PATH` to the program.
void AddModelCommand(CLI::App& program, CommandAction& action);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_MODEL_COMMAND_H_
