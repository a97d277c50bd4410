#ifndef PATCHBAY_HOST_SERVICE_PLUGIN_CONVERSION_H_
#define PATCHBAY_HOST_SERVICE_PLUGIN_CONVERSION_H_

#include <google/protobuf/map.h>

#include <string>

#include "absl/status/statusor.h"
#include "host/engine/jobs/action_run.h"
#include "host/engine/jobs/job_request.h"
#include "host/engine/plugin_values.h"
#include "patchbay/v1/plugin_service.pb.h"

namespace patchbay {

// Plugins, their schemas and chains as they travel, and back.

using ParameterMap = google::protobuf::Map<std::string, v1::ParameterValue>;

// Values as the plugin's schema reads them from a command line, sorted by field. A value that is an
// artifact becomes a name, and is added to `files` under it. `where` is what errors call the map.
// INVALID_ARGUMENT for a value of no kind, and for an artifact where `files` is null.
absl::StatusOr<SettingPairs> SettingsFromParameters(const char* where, const ParameterMap& values,
                                                    std::vector<NamedArtifact>* files = nullptr);
// Typed values.
void SettingsToParameters(const SettingPairs& settings, ParameterMap* values);

v1::Plugin PluginToProto(const PluginStatus& plugin);
// Without fields and actions, which are not in it.
PluginStatus PluginFromProto(const v1::Plugin& proto);

v1::GetPluginSchemaResponse SchemaToProto(const PluginStatus& plugin);
PluginStatus SchemaFromProto(const v1::GetPluginSchemaResponse& proto);

v1::PluginActionRun ActionRunToProto(const ActionRun& run);
// Of its request, plugin and action only.
ActionRun ActionRunFromProto(const v1::PluginActionRun& proto);

v1::Chain ChainToProto(const ChainPlan& plan);
ChainPlan ChainFromProto(const v1::Chain& proto);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_SERVICE_PLUGIN_CONVERSION_H_
