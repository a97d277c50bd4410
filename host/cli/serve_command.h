#ifndef PATCHBAY_HOST_CLI_SERVE_COMMAND_H_
#define PATCHBAY_HOST_CLI_SERVE_COMMAND_H_

#include <CLI/CLI.hpp>

#include "host/cli/generate_command.h"

namespace patchbay {

// Adds `serve` to the program: draws for others over gRPC until it is interrupted.
void AddServeCommand(CLI::App& program, CommandAction& action);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_SERVE_COMMAND_H_
