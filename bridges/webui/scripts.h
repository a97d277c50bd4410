#ifndef PATCHBAY_BRIDGES_WEBUI_SCRIPTS_H_
#define PATCHBAY_BRIDGES_WEBUI_SCRIPTS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bridges/common/host_session.h"
#include "bridges/common/json.h"

namespace patchbay::webui {

// Plugins as A1111's always-on scripts. A script's arguments are, in this order: whether it is on;
// an object with settings by name; and each setting in the order of its number, which is only ever
// appended to. What the object names counts more than what stands in a place of its own.

// A plugin's title: its name, with its id in brackets when an earlier one has the same name.
std::vector<std::string> ScriptTitles(const std::vector<PluginDescription>& plugins);

// Answer of GET /sdapi/v1/scripts: {txt2img: [titles in lower case], img2img: [the same, and the
// scripts that a request can choose by script_name]}.
Json ScriptList(const std::vector<PluginDescription>& plugins);

// Answer of GET /sdapi/v1/script-info: one entry for each plugin and tab.
Json ScriptInfo(const std::vector<PluginDescription>& plugins);

// Reads a picture that a script takes (base64), and a mask for it unless that is empty, and returns
// the id of their artifact.
using StorePicture =
    std::function<absl::StatusOr<std::string>(const std::string& image, const std::string& mask)>;

// Reads a request's `alwayson_scripts`: title (any case) or plugin id to {args: [...]}, or
// {args: {name: value}}, which switches the plugin on. INVALID_ARGUMENT for an unknown title or a
// value that does not fit. A picture is base64 text, also as a data URL, or {"image": ..., "mask":
// ...}, as ControlNet takes it. The title "ControlNet" without arguments means nothing, since a
// client sends it with every request.
absl::StatusOr<std::vector<v1::PluginChoice>> ReadAlwaysOnScripts(
    const Json& scripts, const std::vector<PluginDescription>& plugins, const StorePicture& store);

}  // namespace patchbay::webui

#endif  // PATCHBAY_BRIDGES_WEBUI_SCRIPTS_H_
