#ifndef PATCHBAY_HOST_CLI_ENGINE_OPTIONS_H_
#define PATCHBAY_HOST_CLI_ENGINE_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "host/engine/engine.h"

namespace patchbay {

// The options that say how models are computed, as they are typed.
struct EngineChoices {
  EngineOptions engine;
  std::string lora_application = "auto";
  std::string precision = "auto";
  std::string device = "auto";
  std::vector<const CLI::Option*> declared;
};

// Declares them on a subcommand; `choices` must outlive it.
void DeclareEngineOptions(CLI::App& command, EngineChoices& choices);

// The engine's options; its model is left to the caller.
EngineOptions CompleteEngineOptions(const EngineChoices& choices);

// The first of them that the user has typed; empty when none was.
std::string FirstTypedOption(const EngineChoices& choices);

// INVALID_ARGUMENT for an option, as FirstTypedOption() names it, that only the server can follow.
absl::Status ForTheServerToDecide(const std::string& option);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_ENGINE_OPTIONS_H_
