#ifndef PATCHBAY_HOST_PLUGINS_SCHEMA_CHECK_H_
#define PATCHBAY_HOST_PLUGINS_SCHEMA_CHECK_H_

#include "absl/status/status.h"
#include "host/plugins/plugin_description.h"

namespace patchbay {

// Whether a description is one that the host can serve: ids and version well formed, fields with
// unique ids and numbers, ranges in order, defaults valid, conditions that name a field and a value
// of it. Ids become names of folders, so this also keeps a plugin out of other folders.
// INVALID_ARGUMENT names the plugin, the place and the rule. Any thread.
absl::Status CheckDescription(const PluginDescription& description);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_SCHEMA_CHECK_H_
