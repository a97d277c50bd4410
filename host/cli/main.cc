// The command-line program.

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "host/base/library_environment.h"
#include "host/base/process_memory.h"
#include "host/cli/commands.h"
#include "host/cli/interrupt.h"

namespace {

void Complain(const std::string& message) {
  std::fprintf(stderr, "patchbay: %s\n", message.c_str());
}

// Whether everything printed has arrived: a full disk shows only here.
bool FlushOutput() {
  const bool complete = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  if (!complete) Complain(absl::StrCat("cannot write to standard output: ", std::strerror(errno)));
  return complete;
}

// "--seed: At Most 1 required but received 2" is CLI11's way of saying that an option is repeated.
std::string UsageMessage(const CLI::ParseError& error) {
  const std::string text = error.what();
  const size_t colon = text.find(':');
  if (error.get_name() == "ArgumentMismatch" && text.find("but received") != std::string::npos &&
      colon != std::string::npos) {
    return absl::StrCat(text.substr(0, colon), " takes one value and was given more; give it once");
  }
  return text;
}

// LibTorch's initialization takes long enough for a signal to come.
void BeforeLibraries(int argc, char** argv, char** environment) {
  patchbay::SetLibraryEnvironment(argc, argv, environment);
  patchbay::CatchInterrupts();
}

__attribute__((section(".preinit_array"), used)) constexpr auto kBeforeLibraries = &BeforeLibraries;

int Run(int argc, char** argv) {
  CLI::App program("Patchbay draws pictures with diffusion models.");
  program.set_version_flag("--version", "patchbay " PATCHBAY_VERSION);
  program.require_subcommand(1);
  patchbay::CommandAction action;
  patchbay::AddCommands(program, action);
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help, --version
      program.exit(error);
      return FlushOutput() ? patchbay::kExitDone : patchbay::kExitFailed;
    }
    Complain(UsageMessage(error));
    std::fputs("Run with --help for more information.\n", stderr);
    return patchbay::kExitWrongUsage;
  }

  const absl::Status status = action();
  const bool complete = FlushOutput();
  if (status.ok()) return complete ? patchbay::kExitDone : patchbay::kExitFailed;
  Complain(std::string(status.message()));
  return absl::IsCancelled(status) ? patchbay::kExitInterrupted : patchbay::kExitFailed;
}

}  // namespace

int main(int argc, char** argv) {
  patchbay::ConfigureProcessMemory();
  patchbay::CatchFileSignals();
  try {
    return Run(argc, argv);
  } catch (const std::exception& error) {
    // Whatever the standard library throws where no error was thought of.
    Complain(error.what());
    return patchbay::kExitFailed;
  }
}
