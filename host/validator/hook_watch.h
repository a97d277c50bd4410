#ifndef PATCHBAY_HOST_VALIDATOR_HOOK_WATCH_H_
#define PATCHBAY_HOST_VALIDATOR_HOOK_WATCH_H_

#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "host/runtime/hooks/sampling_hooks.h"
#include "host/validator/lent_tensor.h"
#include "host/validator/place.h"

namespace patchbay {

// Stands between a chain and the network, and sees what a plugin's hooks do with what they are
// given. Any thread.
class HookWatch {
 public:
  struct Options {
    Lending lending = Lending::kAsItIs;
    // Before each call, the hook is called once more with a model that refuses everything.
    bool model_fails = false;
  };
  struct Findings {
    int64_t calls = 0;
    std::map<std::string, int64_t> calls_by_hook;
    // Hooks that did so, each once, with their sites.
    std::vector<std::string> changed_inputs;
    std::vector<std::string> wrote_outside;
    std::vector<std::string> threw;             // and what
    std::vector<std::string> swallowed_errors;  // of a model that failed
    int64_t refused = 0;                        // questions to such a model
    double longest_seconds = 0;
    std::string longest;
    int64_t passes_begun = 0;
    int64_t passes_ended = 0;
  };

  HookWatch(const Options& options, Place& place) : options_(options), place_(place) {}

  // The same hooks, watched. `sites`: their names by index. The watch must outlive them.
  ModelHooks Around(const ModelHooks& hooks, std::vector<std::string> sites);

  Findings findings() const;

  // For the wrappers.
  class Call;
  const Options& options() const { return options_; }

 private:
  friend class Call;

  const Options options_;
  Place& place_;
  mutable absl::Mutex mutex_;
  Findings findings_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_VALIDATOR_HOOK_WATCH_H_
