#include "host/cli/plugin_action_command.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/base/file_writer.h"
#include "host/base/status_macros.h"
#include "host/cli/action_progress.h"
#include "host/cli/engine_options.h"
#include "host/cli/interrupt.h"
#include "host/cli/plugin_text.h"
#include "host/cli/resources.h"
#include "host/engine/plugin_access.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

// Passes on what the action makes, and asks for its end after Ctrl-C.
class ActionHere final : public ActionObserver {
 public:
  explicit ActionHere(const ActionFileSink& sink) : sink_(sink) {}

  void OnProgress(double fraction, const std::string& text) override {
    progress_.Show(fraction, text);
  }
  bool IsCancelled() override { return WasInterrupted(); }
  absl::Status OnArtifact(const std::string& name, std::string_view bytes) override {
    return sink_(name, bytes);
  }

 private:
  const ActionFileSink& sink_;
  ActionProgress progress_;
};

// "--steps 5", "--steps=5": the action's own fields, which only the plugin knows.
absl::StatusOr<SettingPairs> SettingsFrom(const std::vector<std::string>& words) {
  SettingPairs settings;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word.size() < 3 || word.rfind("--", 0) != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", word, "\" is not expected here; a field is written --field value"));
    }
    const size_t equals = word.find('=');
    std::string field = word.substr(2, equals == std::string::npos ? equals : equals - 2);
    if (equals != std::string::npos) {
      settings.emplace_back(std::move(field), word.substr(equals + 1));
    } else if (++i < words.size()) {
      settings.emplace_back(std::move(field), words[i]);
    } else {
      return absl::InvalidArgumentError(absl::StrCat(word, " needs a value"));
    }
  }
  return settings;
}

// Before minutes are spent on what could not be saved.
absl::Status MakeFolder(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot make ", folder));
  return absl::OkStatus();
}

absl::Status Run(ActionOptions options, const std::vector<std::string>& words,
                 const ActionProgram& run) {
  PATCHBAY_ASSIGN_OR_RETURN(options.settings, SettingsFrom(words));
  PATCHBAY_RETURN_IF_ERROR(MakeFolder(options.output_folder));
  // At once, so that nothing that was made is lost with what comes after it.
  std::vector<std::string> written;
  const absl::Status status =
      run(options, [&](const std::string& name, std::string_view content) -> absl::Status {
        const std::string path = (fs::path(options.output_folder) / name).string();
        PATCHBAY_RETURN_IF_ERROR(WriteFileAtomically(path, {content}));
        if (std::find(written.begin(), written.end(), path) == written.end()) {
          written.push_back(path);
        }
        return absl::OkStatus();
      });
  for (const std::string& path : written) std::printf("%s\n", path.c_str());
  return status;
}

absl::Status List(const PluginSource& source, const std::string& id) {
  PATCHBAY_ASSIGN_OR_RETURN(const PluginStatus plugin, source.show(id));
  std::fputs(ActionsText(plugin).c_str(), stdout);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TypedSettings> TypedActionSettings(const PluginStatus& plugin,
                                                  const std::string& action,
                                                  SettingPairs& settings) {
  for (const PluginAction& known : plugin.description.actions) {
    if (known.id == action)
      return TypedSettings{absl::StrCat("action ", action), known.fields, &settings};
  }
  return absl::NotFoundError(absl::StrCat("plugin ", plugin.description.id, " has no action \"",
                                          action.substr(0, 80), "\""));
}

ActionFileSink KeepIn(std::map<std::string, std::string>& files) {
  return [&files](const std::string& name, std::string_view content) {
    files[name] = content;
    return absl::OkStatus();
  };
}

absl::Status RunActionHere(const ActionOptions& options, const ActionFileSink& sink) {
  PATCHBAY_ASSIGN_OR_RETURN(ChosenPlugin plugin, ParseChosenPlugin(options.plugin));
  return RunActionOf(std::move(plugin), options, sink);
}

absl::Status RunActionOf(ChosenPlugin plugin, const ActionOptions& options,
                         const ActionFileSink& sink) {
  EngineOptions engine_options = CompleteEngineOptions(options.engine);
  PATCHBAY_ASSIGN_OR_RETURN(engine_options.model_path, ModelPathOrDefault(options.model));
  PATCHBAY_ASSIGN_OR_RETURN(engine_options.plugins,
                            OpenPlugins({.folders = {BuiltPluginsFolder()}, .store = ""}));
  PATCHBAY_ASSIGN_OR_RETURN(const PluginStatus found,
                            FindPlugin(*engine_options.plugins, plugin.id));
  SettingPairs settings = options.settings;
  PATCHBAY_ASSIGN_OR_RETURN(const TypedSettings of_action,
                            TypedActionSettings(found, options.action, settings));
  const TypedSettings of_plugin{absl::StrCat("plugin ", plugin.id), found.description.fields,
                                &plugin.settings};
  PATCHBAY_ASSIGN_OR_RETURN(const std::vector<PluginFile> files,
                            NameFiles({of_plugin, of_action}, /*has_server=*/false));
  PATCHBAY_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::Open(engine_options));
  ActionHere here(sink);
  const absl::Status status = engine->RunAction(plugin, options.action, settings, files, here);
  if (absl::IsCancelled(status)) {
    return absl::CancelledError(absl::StrCat("action ", options.action, " was cancelled"));
  }
  return status;
}

void AddPluginActionCommands(CLI::App& plugin, CommandAction& action, PluginSource source,
                             ActionProgram run) {
  const auto options = std::make_shared<ActionOptions>();
  CLI::App* list = plugin.add_subcommand("actions", "List what a plugin does outside of jobs");
  list->add_option("PLUGIN", options->plugin, "As `plugin list` names it")->required();
  list->callback([&action, options, source = std::move(source)] {
    action = [options, source] { return List(source, options->plugin); };
  });

  CLI::App* command =
      plugin.add_subcommand("action", "Run an action of a plugin and save what it makes");
  command->add_option("PLUGIN", options->plugin, "ID; without --host also ID:field=value,...")
      ->required();
  command->add_option("ACTION", options->action, "As `plugin actions PLUGIN` names it")->required();
  command->add_option("--model", options->model,
                      "The model to work on: a path; with --host, as `model list` names it");
  command->add_option("-o,--output", options->output_folder, "Folder for what it makes")
      ->capture_default_str();
  DeclareEngineOptions(*command, options->engine);
  command->footer(
      "Further options, --field VALUE, are the action's own fields; a file is given by its path, "
      "with --host also by the name of one in the server's folder. --host and its kin stand before "
      "`plugin`.");
  command->allow_extras();
  command->fallthrough(false);  // what the program would make of the action's fields
  command->callback([&action, command, options, run = std::move(run)] {
    action = [options, words = command->remaining(), run] { return Run(*options, words, run); };
  });
}

}  // namespace patchbay
