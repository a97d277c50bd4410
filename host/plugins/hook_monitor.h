#ifndef PATCHBAY_HOST_PLUGINS_HOOK_MONITOR_H_
#define PATCHBAY_HOST_PLUGINS_HOOK_MONITOR_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace patchbay {

// Where a thread is inside plugins' code: what a crash is blamed on. An empty plugin stands for the
// host's own code that a plugin has called.
struct HookPosition {
  const std::string& plugin;
  const std::string& build;
  const std::string& hook;
  int32_t step = 0;
};

// Where the last position of each thread is written down so that it outlives the process. Any
// thread.
class Breadcrumbs {
 public:
  virtual ~Breadcrumbs() = default;
  virtual void Enter(const HookPosition& position) = 0;
  virtual void Leave() = 0;
};

struct HookLimits {
  // A hook that takes longer has failed; what the host computes for it meanwhile does not count.
  // Looked at when it returns: a hook that never returns is for whoever watches the process.
  std::chrono::milliseconds time_budget{60'000};
  // So many failures of one build, without a job that ends well between them, suspend it.
  int failures_until_suspended = 3;
};

// Watches plugins while their code runs, and suspends builds that keep failing (a circuit breaker).
// Any thread.
class HookMonitor {
 public:
  explicit HookMonitor(const HookLimits& limits = {}, Breadcrumbs* breadcrumbs = nullptr)
      : limits_(limits), breadcrumbs_(breadcrumbs) {}

  const HookLimits& limits() const { return limits_; }
  Breadcrumbs* breadcrumbs() const { return breadcrumbs_; }

  // A job failed because of this build, and why.
  void RecordFailure(const std::string& build, const absl::Status& fault);
  // A job that used it ended well.
  void RecordSuccess(const std::string& build);
  // Why the build is suspended; empty when it is not.
  std::string SuspensionReason(const std::string& build) const;
  // An operator's wish: the build may serve again.
  void Resume(const std::string& build);

  struct Faults {
    uint64_t count = 0;  // in all
    absl::Status last;
  };
  Faults FaultsOf(const std::string& build) const;

 private:
  struct Record {
    int failures = 0;  // since the last success
    std::string suspended;
    Faults faults;
  };

  const HookLimits limits_;
  Breadcrumbs* const breadcrumbs_;
  mutable absl::Mutex mutex_;
  std::map<std::string, Record> records_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_HOOK_MONITOR_H_
