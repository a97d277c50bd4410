#ifndef PATCHBAY_HOST_CLI_MODEL_COMMAND_H_
#define PATCHBAY_HOST_CLI_MODEL_COMMAND_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "host/cli/generate_command.h"

namespace patchbay {

// What `model inspect` prints about a checkpoint, or the default one for an empty name; as text, or
// as JSON.
using ModelDescriber = std::function<absl::StatusOr<std::string>(const std::string&, bool json)>;

// The describer of models on this machine.
absl::StatusOr<std::string> DescribeLocalModel(const std::string& path, bool json);

// Adds `model inspect`, `model sites` and `model quantize` to the program. Returns the subcommand
// `model`.
CLI::App* AddModelCommand(CLI::App& program, CommandAction& action, ModelDescriber describe);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_MODEL_COMMAND_H_
