#ifndef PATCHBAY_HOST_PLUGINS_TESTING_PLUGIN_FOLDER_H_
#define PATCHBAY_HOST_PLUGINS_TESTING_PLUGIN_FOLDER_H_

#include <nlohmann/json.hpp>
#include <string>

namespace patchbay {

// For tests: folders with the plugins of tests/plugins.

// An empty folder of this name under the test's temporary folder.
std::string EmptyFolder(const std::string& name);

std::string ReadText(const std::string& path);
void WriteText(const std::string& path, const std::string& text);

// Where the build has put a test plugin: its library and, for good ones, its manifest.
std::string BuiltPlugin(const std::string& id);
std::string BuiltLibrary(const std::string& id);

// A valid manifest of the plain plugin, with the library's real digest, made to fit a test plugin
// that has no fields.
nlohmann::json ManifestFor(const std::string& id);

// A folder EmptyFolder(folder) with a copy of a test plugin's library and this manifest.
std::string MakePluginFolder(const std::string& folder, const std::string& id,
                             const nlohmann::json& manifest);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_TESTING_PLUGIN_FOLDER_H_
