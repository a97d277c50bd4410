#ifndef PATCHBAY_HOST_CLI_PLUGIN_TEXT_H_
#define PATCHBAY_HOST_CLI_PLUGIN_TEXT_H_

#include <string>
#include <vector>

#include "host/engine/plugin_access.h"

namespace patchbay {

// How builds are shown to people: the first digits of their SHA-256.
std::string ShortBuild(const std::string& build);

// One line for each build under a heading: id, version, build, state, its place among those that
// act, the families of models that it is for, hooks.
std::string PluginTable(const std::vector<PluginStatus>& plugins);
// What a plugin does and all its parameters with type, range, default and help.
std::string PluginText(const PluginStatus& plugin);

// A plugin's actions with their parameters.
std::string ActionsText(const PluginStatus& plugin);

// The first two for programs.
std::string PluginTableJson(const std::vector<PluginStatus>& plugins);
std::string PluginJson(const PluginStatus& plugin);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_PLUGIN_TEXT_H_
