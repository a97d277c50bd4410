#include "host/cli/plugin_docs_command.h"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>

#include "host/base/status_macros.h"
#include "host/cli/resources.h"
#include "host/validator/plugin_docs.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

struct DocsOptions {
  std::string plugin;
  bool parameters_only = false;
};

// A folder, or the id of a plugin that came with the program.
std::string FolderOf(const std::string& plugin) {
  std::error_code error;
  if (fs::is_directory(plugin, error)) return plugin;
  const fs::path built = fs::path(BuiltPluginsFolder()) / plugin;
  return fs::is_directory(built, error) ? built.string() : plugin;
}

absl::Status Print(const DocsOptions& options) {
  const std::string folder = FolderOf(options.plugin);
  PATCHBAY_ASSIGN_OR_RETURN(const std::string text,
                            options.parameters_only ? ParameterTable(folder) : PluginDocs(folder));
  std::fputs(text.c_str(), stdout);
  return absl::OkStatus();
}

}  // namespace

void AddPluginDocsCommand(CLI::App& plugin, CommandAction& action) {
  const auto options = std::make_shared<DocsOptions>();
  CLI::App* docs = plugin.add_subcommand(
      "docs", "Describe a plugin's parameters and hooks as Markdown, for its README");
  docs->add_option("ID|PATH", options->plugin, "As `plugin list` names it, or its folder")
      ->required();
  docs->add_flag("--parameters", options->parameters_only, "Only the table of parameters");
  docs->callback([&action, options] { action = [options] { return Print(*options); }; });
}

}  // namespace patchbay
