#include "host/engine/plugin_access.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/plugins/plugin_host.h"
#include "host/plugins/plugin_settings.h"
#include "host/plugins/settings_text.h"

namespace patchbay {

absl::StatusOr<std::shared_ptr<PluginHost>> OpenPlugins(const PluginFolders& folders) {
  PluginHostOptions options;
  options.folders = folders.folders;
  options.store_folder = folders.store;
  options.files_folder = folders.files;
  if (!folders.probe_program.empty()) {
    options.probe = {.program = folders.probe_program, .library_folder = LoadedLibTorchFolder()};
  }
  if (folders.hook_seconds > 0) {
    options.limits.time_budget =
        std::chrono::milliseconds(static_cast<int64_t>(folders.hook_seconds * 1000));
  }
  PATCHBAY_ASSIGN_OR_RETURN(std::unique_ptr<PluginHost> host, PluginHost::Open(options));
  return std::shared_ptr<PluginHost>(std::move(host));
}

absl::StatusOr<ChosenPlugin> ParseChosenPlugin(const std::string& text) {
  const size_t colon = text.find(':');
  ChosenPlugin chosen;
  chosen.id = text.substr(0, colon);
  if (chosen.id.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" names no plugin; write ID or ID:field=value,field=value"));
  }
  if (colon == std::string::npos) return chosen;
  auto settings = SplitSettings(text.substr(colon + 1));
  if (!settings.ok()) {
    return absl::Status(settings.status().code(),
                        absl::StrCat("plugin ", chosen.id, ": ", settings.status().message()));
  }
  chosen.settings = *std::move(settings);
  return chosen;
}

std::vector<PluginStatus> ListPlugins(const PluginHost& plugins) { return plugins.Builds(); }

absl::StatusOr<PluginStatus> FindPlugin(const PluginHost& plugins, const std::string& id) {
  return plugins.Find(id);
}

absl::Status CheckPlugins(const PluginHost& plugins, const std::vector<ChosenPlugin>& choices,
                          const std::vector<PluginFile>& from_request) {
  const PluginFiles files = plugins.FilesFor(from_request);
  for (const ChosenPlugin& choice : choices) {
    PATCHBAY_ASSIGN_OR_RETURN(const PluginStatus plugin, plugins.Find(choice.id, choice.build));
    const std::vector<PluginField>& fields = plugin.description.fields;
    absl::Status status = PluginSettings::FromPairs(fields, choice.settings).status();
    for (const FileSetting& setting : FileSettingsOf(fields, choice.settings)) {
      if (status.ok()) status = files.Check(setting);
    }
    if (!status.ok()) {
      return absl::Status(status.code(),
                          absl::StrCat("plugin ", choice.id, ": ", status.message()));
    }
  }
  return absl::OkStatus();
}

}  // namespace patchbay
