// The command-line program.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "absl/status/status.h"
#include "host/cli/commands.h"
#include "host/cli/interrupt.h"

namespace {

// What scripts can rely on; CLI11 itself uses numbers from 100 on for a wrong command line.
constexpr int kFailed = 1;
constexpr int kInterrupted = 130;

}  // namespace

int main(int argc, char** argv) {
  patchbay::CatchInterrupts();
  CLI::App program("Patchbay draws pictures with diffusion models.");
  program.require_subcommand(1);
  patchbay::CommandAction action;
  patchbay::AddCommands(program, action);
  CLI11_PARSE(program, argc, argv);

  const absl::Status status = action();
  if (status.ok()) return 0;
  std::fprintf(stderr, "patchbay: %s\n", std::string(status.message()).c_str());
  return absl::IsCancelled(status) ? kInterrupted : kFailed;
}
