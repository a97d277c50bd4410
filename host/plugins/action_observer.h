#ifndef PATCHBAY_HOST_PLUGINS_ACTION_OBSERVER_H_
#define PATCHBAY_HOST_PLUGINS_ACTION_OBSERVER_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace patchbay {

// Follows a plugin's action while it runs (patchbay_action_functions). May be called on any thread,
// several at a time.
class ActionObserver {
 public:
  virtual ~ActionObserver() = default;
  // fraction: 0 to 1. text: what it does now, for people.
  virtual void OnProgress(double fraction, const std::string& text) = 0;
  // Whether the action is to end soon.
  virtual bool IsCancelled() = 0;
  // Around each use of the model by the action, on its thread: others may use it in between.
  // TakeModel() waits for that; CANCELLED when the action is to end instead.
  virtual absl::Status TakeModel() { return absl::OkStatus(); }
  virtual void GiveModelBack() {}
  // Keeps a result. name: a plain file name. The error goes to the plugin.
  virtual absl::Status OnArtifact(const std::string& name, std::string_view bytes) = 0;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_ACTION_OBSERVER_H_
