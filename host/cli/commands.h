#ifndef PATCHBAY_HOST_CLI_COMMANDS_H_
#define PATCHBAY_HOST_CLI_COMMANDS_H_

#include <CLI/CLI.hpp>

#include "host/cli/generate_command.h"

namespace patchbay {

// Adds every command that this build has. commands_with_service.cc holds those that need gRPC,
// commands_alone.cc stands for it in a build without (-DPATCHBAY_SERVICE=OFF).
void AddCommands(CLI::App& program, CommandAction& action);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_COMMANDS_H_
