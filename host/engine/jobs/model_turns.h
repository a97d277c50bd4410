#ifndef PATCHBAY_HOST_ENGINE_JOBS_MODEL_TURNS_H_
#define PATCHBAY_HOST_ENGINE_JOBS_MODEL_TURNS_H_

#include <chrono>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "host/engine/jobs/job_queue.h"

namespace patchbay {

// Lets a thread beside the queue's use the models between jobs. A turn lasts for as many uses as
// follow each other without a pause, up to a limit, so that an action of a thousand short questions
// does not wait for a thousand jobs; then a job runs if one waits. A job therefore waits for one
// use, or for `slice` and `pause`. One thread.
class ModelTurns {
 public:
  struct Limits {
    std::chrono::milliseconds slice{2000};
    std::chrono::milliseconds pause{20};
  };

  // The queue must outlive this. is_cancelled: asked several times a second while waiting.
  ModelTurns(JobQueue& queue, std::function<bool()> is_cancelled, const Limits& limits);
  // Gives the model back.
  ~ModelTurns();
  ModelTurns(const ModelTurns&) = delete;
  ModelTurns& operator=(const ModelTurns&) = delete;

  // Waits until no job runs; at once within another use. CANCELLED when that is wanted meanwhile;
  // UNAVAILABLE when the queue ends.
  absl::Status Take();
  // Ends a use. Without a Take() before it: nothing.
  void GiveBack();

 private:
  struct Turn;
  absl::Status Wait();

  JobQueue& queue_;
  const std::function<bool()> is_cancelled_;
  const Limits limits_;
  std::shared_ptr<Turn> turn_;
  int uses_ = 0;  // within each other
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_JOBS_MODEL_TURNS_H_
