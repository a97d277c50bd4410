#include "host/cli/remote_plugin_command.h"

#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/base/status_macros.h"
#include "host/cli/action_progress.h"
#include "host/cli/interrupt.h"
#include "host/cli/plugin_files.h"
#include "host/cli/plugin_text.h"

namespace patchbay {
namespace {

struct Options {
  std::string folder;
  std::string id;
  std::vector<std::string> ids;
  std::string build;
  std::string model;
  std::vector<std::string> plugins;
  bool json = false;
  bool in_given_order = false;
  bool without_default = false;
};

void Print(const PluginStatus& plugin) {
  std::printf("%s %s, build %s: %s\n", plugin.description.id.c_str(),
              plugin.description.version.c_str(), ShortBuild(plugin.build).c_str(),
              std::string(PluginStateName(plugin.state)).c_str());
}

absl::Status PrintIfDone(const absl::StatusOr<PluginStatus>& plugin) {
  if (plugin.ok()) Print(*plugin);
  return plugin.status();
}

absl::Status Install(const Options& options, PluginClient& client) {
  return PrintIfDone(client.Install(options.folder));
}

absl::Status Activate(const Options& options, PluginClient& client) {
  PATCHBAY_ASSIGN_OR_RETURN(const ChosenPlugin chosen, ParseChosenPlugin(options.id));
  return PrintIfDone(client.Activate(chosen.id, options.build, chosen.settings));
}

absl::Status RollBack(const Options& options, PluginClient& client) {
  return PrintIfDone(client.RollBack(options.id));
}

absl::Status Retire(const Options& options, PluginClient& client) {
  return PrintIfDone(client.Retire(options.id));
}

absl::StatusOr<std::vector<NamedArtifact>> Uploaded(const std::vector<PluginFile>& files,
                                                    PluginClient& client) {
  std::vector<NamedArtifact> uploaded;
  for (const PluginFile& file : files) {
    PATCHBAY_ASSIGN_OR_RETURN(std::string id, client.Upload(file.path));
    uploaded.push_back({file.name, std::move(id)});
  }
  return uploaded;
}

absl::Status Order(const Options& options, PluginClient& client) {
  PATCHBAY_ASSIGN_OR_RETURN(const std::vector<PluginStatus> active, client.SetOrder(options.ids));
  if (options.json) {
    std::fputs(PluginTableJson(active).c_str(), stdout);
    return absl::OkStatus();
  }
  for (const PluginStatus& plugin : active) {
    std::printf("%d. %s %s\n", plugin.place, plugin.description.id.c_str(),
                plugin.description.version.c_str());
  }
  return absl::OkStatus();
}

absl::Status Plan(const Options& options, PluginClient& client) {
  JobRequest request;
  request.model = options.model;
  request.without_default_plugins = options.without_default;
  request.settings.plugins_in_given_order = options.in_given_order;
  for (const std::string& text : options.plugins) {
    PATCHBAY_ASSIGN_OR_RETURN(ChosenPlugin chosen, ParseChosenPlugin(text));
    request.settings.plugins.push_back(std::move(chosen));
  }
  const auto show = [&client](const std::string& id) { return client.Show(id); };
  PATCHBAY_RETURN_IF_ERROR(NamePluginFiles(show, /*has_server=*/true, request.settings));
  PATCHBAY_ASSIGN_OR_RETURN(request.plugin_files, Uploaded(request.settings.plugin_files, client));
  PATCHBAY_ASSIGN_OR_RETURN(const ChainPlan plan, client.Plan(request));
  for (const std::string& warning : plan.warnings) std::printf("warning: %s\n", warning.c_str());
  if (plan.links.empty()) std::printf("no plugins\n");
  for (const ChainLink& link : plan.links) {
    std::printf("%s %s (%s)\n", link.plugin.c_str(), ShortBuild(link.build).c_str(),
                absl::StrJoin(link.settings, ", ", absl::PairFormatter("=")).c_str());
    for (const std::string& site : link.sites) std::printf("  %s\n", site.c_str());
  }
  if (!plan.links.empty()) std::printf("chain %s\n", plan.digest.c_str());
  return absl::OkStatus();
}

// A server's word is not taken for where files go.
absl::Status CheckResultName(const std::string& name) {
  if (!name.empty() && name.front() != '.' && name.find('/') == std::string::npos) {
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat("the server names a result \"", name.substr(0, 80),
                                          "\", which is no file name"));
}

absl::Status FetchResults(const ActionRun& run, PluginClient& client, const ActionFileSink& sink) {
  for (const ActionResult& result : run.results) {
    PATCHBAY_RETURN_IF_ERROR(CheckResultName(result.name));
    PATCHBAY_ASSIGN_OR_RETURN(const std::string content, client.Download(result));
    PATCHBAY_RETURN_IF_ERROR(sink(result.name, content));
  }
  return absl::OkStatus();
}

absl::Status RunActionThere(const ActionOptions& options, const ActionFileSink& sink,
                            PluginClient& client) {
  if (options.plugin.find(':') != std::string::npos) {
    return absl::InvalidArgumentError(
        "on a server an action runs with the settings that its plugin is active with; set them "
        "with `plugin activate`");
  }
  const std::string of_engine = FirstTypedOption(options.engine);
  if (!of_engine.empty()) return ForTheServerToDecide(of_engine);
  PATCHBAY_ASSIGN_OR_RETURN(const PluginStatus plugin, client.Show(options.plugin));
  ActionRequest request{options.plugin, options.action, options.model, options.settings, {}, ""};
  PATCHBAY_ASSIGN_OR_RETURN(const TypedSettings typed,
                            TypedActionSettings(plugin, options.action, request.settings));
  PATCHBAY_ASSIGN_OR_RETURN(const std::vector<PluginFile> named,
                            NameFiles({typed}, /*has_server=*/true));
  PATCHBAY_ASSIGN_OR_RETURN(request.plugin_files, Uploaded(named, client));
  ActionRun run;
  {
    ActionProgress progress;
    PATCHBAY_ASSIGN_OR_RETURN(
        run, client.RunAction(
                 request,
                 [&progress](const ActionRun& now) { progress.Show(now.fraction, now.activity); },
                 WasInterrupted));
  }
  const absl::Status fetched = FetchResults(run, client, sink);
  if (run.state == ActionState::kCancelled) {
    return absl::CancelledError(absl::StrCat("action ", options.action, " was cancelled"));
  }
  PATCHBAY_RETURN_IF_ERROR(run.error);
  return fetched;
}

}  // namespace

ActionProgram ActionsOf(const Connection& connection) {
  return [&connection](const ActionOptions& options, const ActionFileSink& sink) -> absl::Status {
    if (!connection.is_remote()) return RunActionHere(options, sink);
    PATCHBAY_ASSIGN_OR_RETURN(const auto client, connection.OpenPlugins());
    return RunActionThere(options, sink, *client);
  };
}

PluginSource PluginsOf(const Connection& connection) {
  const PluginSource here = PluginsHere();
  return {[&connection, here]() -> absl::StatusOr<std::vector<PluginStatus>> {
            if (!connection.is_remote()) return here.list();
            PATCHBAY_ASSIGN_OR_RETURN(const auto client, connection.OpenPlugins());
            return client->List();
          },
          [&connection, here](const std::string& id) -> absl::StatusOr<PluginStatus> {
            if (!connection.is_remote()) return here.show(id);
            PATCHBAY_ASSIGN_OR_RETURN(const auto client, connection.OpenPlugins());
            return client->Show(id);
          }};
}

void AddRemotePluginCommands(CLI::App& plugin, CommandAction& action,
                             const Connection& connection) {
  const auto options = std::make_shared<Options>();
  const auto add = [&](const char* name, const char* help,
                       absl::Status (*run)(const Options&, PluginClient&)) {
    CLI::App* command = plugin.add_subcommand(name, help);
    command->callback([&action, &connection, options, run] {
      action = [&connection, options, run]() -> absl::Status {
        PATCHBAY_ASSIGN_OR_RETURN(const auto client, connection.OpenPlugins());
        return run(*options, *client);
      };
    });
    return command;
  };
  add("install", "Send a plugin to a server (--host); it does not act yet", Install)
      ->add_option("FOLDER", options->folder, "Folder with plugin.json and the library")
      ->required();
  CLI::App* activate = add("activate", "Let a plugin act in all generations from now on", Activate);
  activate
      ->add_option("PLUGIN", options->id,
                   "ID or ID:field=value,...; files are named as in the server's folder")
      ->required();
  activate->add_option("--build", options->build,
                       "8 or more digits of the build's SHA-256 (default: the newest)");
  add("rollback", "Let the build act again that was active before", RollBack)
      ->add_option("ID", options->id, "As `plugin list` names it")
      ->required();
  add("retire", "Take a plugin out of the generations that begin from now on", Retire)
      ->add_option("ID", options->id, "As `plugin list` names it")
      ->required();
  CLI::App* order =
      add("order", "Say in which order plugins act; prints the active ones in theirs", Order);
  order->add_option("ID", options->ids,
                    "The first to act first; the others keep the places that they have. None: all "
                    "orders are forgotten, and plugins act where they declare");
  order->add_flag("--json", options->json, "Print the active plugins as JSON");
  CLI::App* plan = add("plan", "Say which plugins a generation would run with, and where", Plan);
  plan->add_option("--plugin", options->plugins, "Plugin and settings: ID[:field=value,...]")
      ->expected(1)
      ->take_all();
  plan->add_option("--model", options->model, "As `model list` names it (default: the server's)");
  plan->add_flag("--plugins-in-given-order", options->in_given_order,
                 "In this order instead of the one that the plugins declare");
  plan->add_flag("--without-default-plugins", options->without_default,
                 "Without the plugins that are active on the server");
}

}  // namespace patchbay
