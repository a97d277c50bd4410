#ifndef PATCHBAY_HOST_ENGINE_JOBS_ACTION_RUN_H_
#define PATCHBAY_HOST_ENGINE_JOBS_ACTION_RUN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "host/engine/jobs/job_request.h"
#include "host/plugins/plugin_status.h"

namespace patchbay {

// The last three are final.
enum class ActionState { kQueued, kRunning, kSucceeded, kFailed, kCancelled };

constexpr bool IsFinal(ActionState state) {
  return state != ActionState::kQueued && state != ActionState::kRunning;
}

// A request to run a plugin's action.
struct ActionRequest {
  std::string plugin;
  std::string action;
  std::string model;  // empty: the default model
  SettingPairs settings;
  std::vector<NamedArtifact> plugin_files;  // that the settings may name
  std::string request_id;                   // empty, or what makes starting twice safe
  bool operator==(const ActionRequest&) const = default;
};

// A file that an action has made.
struct ActionResult {
  std::string name;
  std::string artifact_id;
};

// A run as it is at one moment.
struct ActionRun {
  std::string id;
  ActionRequest request;
  ActionState state = ActionState::kQueued;
  double fraction = 0;  // done, 0 to 1
  std::string activity;
  std::vector<ActionResult> results;
  absl::Status error;    // once it has failed
  uint64_t version = 0;  // rises with every change
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_JOBS_ACTION_RUN_H_
