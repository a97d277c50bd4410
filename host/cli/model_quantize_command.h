#ifndef PATCHBAY_HOST_CLI_MODEL_QUANTIZE_COMMAND_H_
#define PATCHBAY_HOST_CLI_MODEL_QUANTIZE_COMMAND_H_

#include <CLI/CLI.hpp>

#include "host/cli/generate_command.h"

namespace patchbay {

// Adds `model quantize`: writes a model's file in which the weights are integers.
void AddModelQuantizeCommand(CLI::App& model, CommandAction& action);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_MODEL_QUANTIZE_COMMAND_H_
