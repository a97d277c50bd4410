#ifndef PATCHBAY_HOST_ENGINE_JOBS_ACTION_RUNNER_H_
#define PATCHBAY_HOST_ENGINE_JOBS_ACTION_RUNNER_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "host/engine/jobs/action_run.h"
#include "host/engine/jobs/artifact_store.h"
#include "host/engine/jobs/engine_executor.h"
#include "host/engine/jobs/job_queue.h"

namespace patchbay {

// Runs plugins' actions, one at a time, on a thread of its own. Jobs go on meanwhile: between them
// an action gets the model for each of its questions (see ModelTurns). Runs are not kept beyond the
// process. Any thread.
class ActionRunner {
 public:
  // All must outlive this.
  ActionRunner(JobQueue& queue, EngineExecutor& executor, ArtifactStore& artifacts);
  // Asks the running action to end and waits for it.
  ~ActionRunner();
  ActionRunner(const ActionRunner&) = delete;
  ActionRunner& operator=(const ActionRunner&) = delete;

  // NOT_FOUND for a plugin or an action that is not there, INVALID_ARGUMENT for settings that it
  // does not take, RESOURCE_EXHAUSTED when too many wait, ALREADY_EXISTS for a request_id that was
  // used for something else.
  absl::StatusOr<ActionRun> Start(const ActionRequest& request);
  // NOT_FOUND; so do the next two.
  absl::StatusOr<ActionRun> Get(const std::string& id) const;
  absl::StatusOr<ActionRun> Cancel(const std::string& id);

  // Asks all runs to end.
  void CancelAll();

  // Calls `wake` whenever the run changes, on the thread that changes it, until the result is
  // destroyed. `wake` must not call back into this.
  absl::StatusOr<std::shared_ptr<void>> Subscribe(const std::string& id,
                                                  std::function<void()> wake);

 private:
  struct Entry;
  class Observer;
  using EntryPointer = std::shared_ptr<Entry>;

  absl::StatusOr<EntryPointer> Find(const std::string& id) const;
  void Work();
  void RunOne(const EntryPointer& entry);
  void Change(const EntryPointer& entry, const std::function<void(ActionRun&)>& change);
  void Forget();  // mutex_ held

  JobQueue& queue_;
  EngineExecutor& executor_;
  ArtifactStore& artifacts_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, EntryPointer> entries_;  // by id, which rises
  std::deque<EntryPointer> waiting_;
  uint64_t started_ = 0;
  bool stopping_ = false;
  std::thread worker_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_JOBS_ACTION_RUNNER_H_
