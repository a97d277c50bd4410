#ifndef PATCHBAY_HOST_RUNTIME_HOOKS_EVALUATION_H_
#define PATCHBAY_HOST_RUNTIME_HOOKS_EVALUATION_H_

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "patchbay/abi/model.h"
#include "patchbay/abi/step.h"

namespace patchbay {

// What one plugin of the chain has in one pass.
struct PluginInPass {
  // What its begin_pass left; null before that, and for plugins without one.
  void* pass_state = nullptr;
  // What it may ask of the model.
  patchbay_model model{};
  // How long the host has computed what it asked for; null: nobody counts.
  const std::chrono::nanoseconds* host_time = nullptr;
};

// Where in a job hooks are called. Lives on the stack of the code that calls them.
struct Evaluation {
  const patchbay_step& step;
  // By the plugin's place in the chain.
  absl::Span<const PluginInPass> plugins;
};

// The step as it is for some of its pictures alone: `count` from `first` on.
inline patchbay_step OfPictures(patchbay_step step, int64_t first, int64_t count) {
  if (step.seeds != nullptr) step.seeds += first;
  step.picture_count = static_cast<uint32_t>(count);
  return step;
}

// Carries a hook's error through network code, which returns tensors. Whoever runs the network
// catches it.
class HookFailure : public std::runtime_error {
 public:
  explicit HookFailure(absl::Status status)
      : std::runtime_error(std::string(status.message())), status_(std::move(status)) {}
  const absl::Status& status() const { return status_; }

 private:
  absl::Status status_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_HOOKS_EVALUATION_H_
