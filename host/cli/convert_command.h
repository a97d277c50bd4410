#ifndef PATCHBAY_HOST_CLI_CONVERT_COMMAND_H_
#define PATCHBAY_HOST_CLI_CONVERT_COMMAND_H_

#include <CLI/CLI.hpp>

#include "host/cli/generate_command.h"

namespace patchbay {

// Adds "convert": a PyTorch file of tensors becomes a safetensors file, without running any of it.
void AddConvertCommand(CLI::App& program, CommandAction& action);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_CONVERT_COMMAND_H_
