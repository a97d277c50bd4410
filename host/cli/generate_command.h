#ifndef PATCHBAY_HOST_CLI_GENERATE_COMMAND_H_
#define PATCHBAY_HOST_CLI_GENERATE_COMMAND_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "host/cli/generate_options.h"

namespace patchbay {

// A subcommand's work, to be done once the command line has been read.
using CommandAction = std::function<absl::Status()>;

// Draws what the options say and writes the pictures.
using GenerateRunner = std::function<absl::Status(GenerateOptions&)>;

// Draws in this process.
absl::Status GenerateHere(GenerateOptions& options);

// Adds `generate PROMPT ...` to the program. `action` is set to `runner` when the user asks for it.
// Returns the subcommand.
CLI::App* AddGenerateCommand(CLI::App& program, CommandAction& action, GenerateRunner runner);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_GENERATE_COMMAND_H_
