#ifndef PATCHBAY_HOST_CLI_JOB_COMMAND_H_
#define PATCHBAY_HOST_CLI_JOB_COMMAND_H_

#include <CLI/CLI.hpp>

#include "host/cli/connection.h"
#include "host/cli/generate_command.h"

namespace patchbay {

// Adds `job list`, `job get ID`, `job watch ID` and `job cancel ID` to the program. `connection`
// must outlive it.
void AddJobCommand(CLI::App& program, CommandAction& action, const Connection& connection);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_JOB_COMMAND_H_
