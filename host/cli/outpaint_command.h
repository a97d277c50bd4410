#ifndef PATCHBAY_HOST_CLI_OUTPAINT_COMMAND_H_
#define PATCHBAY_HOST_CLI_OUTPAINT_COMMAND_H_

#include <CLI/CLI.hpp>

#include "host/cli/generate_command.h"
#include "host/cli/job_drawer.h"
#include "host/cli/model_command.h"
#include "host/cli/plugin_action_command.h"

namespace patchbay {

// How the command works, here or on a server.
struct OutpaintTools {
  ModelDescriber describe;
  GenerateRunner draw;  // pictures, with what is said of them
  JobChecker check;
  DrawerOpener open_drawer;
  ActionProgram run_action;
};

// Adds `outpaint PICTURE [PROMPT] ...` to the program: `generate` with the plugin outpainter, on a
// canvas that the picture and its margins give, once or in several rounds; or for a clip, job after
// job. Returns the subcommand.
CLI::App* AddOutpaintCommand(CLI::App& program, CommandAction& action, OutpaintTools tools);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_OUTPAINT_COMMAND_H_
