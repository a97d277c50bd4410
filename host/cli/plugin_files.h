#ifndef PATCHBAY_HOST_CLI_PLUGIN_FILES_H_
#define PATCHBAY_HOST_CLI_PLUGIN_FILES_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/engine/engine.h"
#include "host/engine/plugin_values.h"

namespace patchbay {

// What follows a plugin or an action on the command line, and the schema that it is for.
struct TypedSettings {
  std::string where;  // for errors: "--plugin moma"
  std::vector<PluginField> fields;
  SettingPairs* settings = nullptr;
};

// On the command line a setting of the type FILE or PICTURE is a path. Puts a name in its place and
// returns the files under these names: a file's own name, told from others of the name by a number.
// With a server, a plain name that is no file here is left as it is: it may be one in the server's
// folder. NOT_FOUND when a file is not there.
absl::StatusOr<std::vector<PluginFile>> NameFiles(const std::vector<TypedSettings>& typed,
                                                  bool has_server);

// Says what a plugin is, by its id.
using ShowPlugin = std::function<absl::StatusOr<PluginStatus>(const std::string& id)>;

// NameFiles for the plugins of a request, into its plugin_files. `show` is asked only about plugins
// with settings; its errors are passed on.
absl::Status NamePluginFiles(const ShowPlugin& show, bool has_server, GenerationRequest& request);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_PLUGIN_FILES_H_
