#ifndef PATCHBAY_HOST_CLI_OUTPAINT_COMMAND_H_
#define PATCHBAY_HOST_CLI_OUTPAINT_COMMAND_H_

#include <CLI/CLI.hpp>

#include "host/cli/generate_command.h"
#include "host/cli/model_command.h"

namespace patchbay {

// Adds `outpaint PICTURE [PROMPT] ...` to the program: `generate` with the plugin outpainter, on a
// canvas that the picture and its margins give, once or in several rounds. Returns the subcommand.
CLI::App* AddOutpaintCommand(CLI::App& program, CommandAction& action, ModelDescriber describe,
                             GenerateRunner runner);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_OUTPAINT_COMMAND_H_
