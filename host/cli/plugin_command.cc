#include "host/cli/plugin_command.h"

#include <cstdio>
#include <memory>
#include <utility>

#include "host/base/status_macros.h"
#include "host/cli/plugin_author_commands.h"
#include "host/cli/plugin_text.h"
#include "host/cli/resources.h"

namespace patchbay {
namespace {

struct PluginOptions {
  std::string id;
  bool json = false;
};

absl::Status List(const PluginSource& source, bool json) {
  PATCHBAY_ASSIGN_OR_RETURN(const std::vector<PluginStatus> plugins, source.list());
  std::fputs((json ? PluginTableJson(plugins) : PluginTable(plugins)).c_str(), stdout);
  return absl::OkStatus();
}

absl::Status Show(const PluginSource& source, const std::string& id, bool json) {
  PATCHBAY_ASSIGN_OR_RETURN(const PluginStatus plugin, source.show(id));
  std::fputs((json ? PluginJson(plugin) : PluginText(plugin)).c_str(), stdout);
  return absl::OkStatus();
}

}  // namespace

PluginSource PluginsHere() {
  const auto open = [] { return OpenPlugins({.folders = {BuiltPluginsFolder()}, .store = ""}); };
  return {[open]() -> absl::StatusOr<std::vector<PluginStatus>> {
            PATCHBAY_ASSIGN_OR_RETURN(const auto plugins, open());
            return ListPlugins(*plugins);
          },
          [open](const std::string& id) -> absl::StatusOr<PluginStatus> {
            PATCHBAY_ASSIGN_OR_RETURN(const auto plugins, open());
            return FindPlugin(*plugins, id);
          }};
}

CLI::App* AddPluginCommand(CLI::App& program, CommandAction& action, PluginSource source) {
  const auto options = std::make_shared<PluginOptions>();
  const auto shared = std::make_shared<const PluginSource>(std::move(source));
  CLI::App* plugin = program.add_subcommand("plugin", "Look at plugins, install and change them");
  plugin->require_subcommand(1);

  CLI::App* list = plugin->add_subcommand("list", "List the plugins");
  list->add_flag("--json", options->json, "Print JSON");
  list->callback([&action, options, shared] {
    action = [options, shared] { return List(*shared, options->json); };
  });

  CLI::App* show = plugin->add_subcommand("show", "Tell a plugin's parameters");
  show->add_option("ID", options->id, "As `plugin list` names it")->required();
  show->add_flag("--json", options->json, "Print JSON");
  show->callback([&action, options, shared] {
    action = [options, shared] { return Show(*shared, options->id, options->json); };
  });
  AddPluginAuthorCommands(*plugin, action);
  return plugin;
}

}  // namespace patchbay
