#ifndef PATCHBAY_HOST_CLI_GENERATE_COMMAND_H_
#define PATCHBAY_HOST_CLI_GENERATE_COMMAND_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "absl/status/status.h"

namespace patchbay {

// A subcommand's work, to be done once the command line has been read.
using CommandAction = std::function<absl::Status()>;

// Adds `generate PROMPT ...` to the program: draws in this process and writes the pictures.
// `action` is set when the user asks for it.
void AddGenerateCommand(CLI::App& program, CommandAction& action);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_GENERATE_COMMAND_H_
