#ifndef PATCHBAY_HOST_VALIDATOR_PLUGIN_DOCS_H_
#define PATCHBAY_HOST_VALIDATOR_PLUGIN_DOCS_H_

#include <string>

#include "absl/status/statusor.h"

namespace patchbay {

// A plugin's parameters as a Markdown table, from its manifest; none of its code runs. Errors as
// ReadManifest.
absl::StatusOr<std::string> ParameterTable(const std::string& folder);

// Summary, parameters, hooks and order as Markdown. The hooks are those that it hangs on a Stable
// Diffusion 1 model at its defaults, found out in a process of its own; a plugin that fails there
// gets a line that says so.
absl::StatusOr<std::string> PluginDocs(const std::string& folder);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_VALIDATOR_PLUGIN_DOCS_H_
