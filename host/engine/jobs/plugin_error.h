#ifndef PATCHBAY_HOST_ENGINE_JOBS_PLUGIN_ERROR_H_
#define PATCHBAY_HOST_ENGINE_JOBS_PLUGIN_ERROR_H_

#include <string>

#include "absl/status/status.h"

namespace patchbay {

// The status with a reason (error_reason.h) and the plugin, build and hook to blame as variables,
// where a plugin is to blame; else as it is.
absl::Status WithPluginReason(const absl::Status& status);

// For an operator's call about one plugin: NOT_FOUND says PLUGIN_NOT_FOUND, and what has no reason
// yet says PLUGIN_REFUSED. OK stays OK.
absl::Status AboutPlugin(const absl::Status& status, const std::string& plugin);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_JOBS_PLUGIN_ERROR_H_
