#ifndef PATCHBAY_HOST_CLI_PLUGIN_ACTION_COMMAND_H_
#define PATCHBAY_HOST_CLI_PLUGIN_ACTION_COMMAND_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/cli/engine_options.h"
#include "host/cli/generate_command.h"
#include "host/cli/plugin_command.h"
#include "host/cli/plugin_files.h"
#include "host/engine/engine.h"

namespace patchbay {

// `patchbay plugin action`, as it is typed.
struct ActionOptions {
  std::string plugin;
  std::string action;
  std::string model;  // a path here, a name on a server; empty: the default model
  std::string output_folder = ".";
  EngineChoices engine;  // of a run in this process
  SettingPairs settings;
};

// Takes a file that an action has made. One of the same name that has come before is replaced.
using ActionFileSink =
    std::function<absl::Status(const std::string& name, std::string_view content)>;
// One that keeps files in memory, by their names. `files` must outlive it.
ActionFileSink KeepIn(std::map<std::string, std::string>& files);

// Runs an action to its end; CANCELLED after Ctrl-C. What it leaves when it is cancelled or fails
// comes to the sink too.
using ActionProgram = std::function<absl::Status(const ActionOptions&, const ActionFileSink&)>;

// In this process, with the plugins that come with the program. Files come as soon as they are
// made.
absl::Status RunActionHere(const ActionOptions& options, const ActionFileSink& sink);
// The same of this plugin, whatever options.plugin says.
absl::Status RunActionOf(ChosenPlugin plugin, const ActionOptions& options,
                         const ActionFileSink& sink);

// The action's own settings, as they follow it on the command line, with the schema of `plugin`.
// NOT_FOUND when it has no such action.
absl::StatusOr<TypedSettings> TypedActionSettings(const PluginStatus& plugin,
                                                  const std::string& action,
                                                  SettingPairs& settings);

// Adds `plugin actions`, which lists those of a plugin, and `plugin action`, which runs one with
// `run` and saves what it has made.
void AddPluginActionCommands(CLI::App& plugin, CommandAction& action, PluginSource source,
                             ActionProgram run);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_PLUGIN_ACTION_COMMAND_H_
