#ifndef PATCHBAY_HOST_ENGINE_JOBS_JOB_EXECUTOR_H_
#define PATCHBAY_HOST_ENGINE_JOBS_JOB_EXECUTOR_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/engine/jobs/job_request.h"
#include "host/runtime/pipeline/generation_observer.h"

namespace patchbay {

// Draws jobs for the queue.
class JobExecutor {
 public:
  virtual ~JobExecutor() = default;

  // Refuses what could never be drawn, before it is accepted; reads headers and pictures, no
  // weights. Any thread. Errors carry a reason (error_reason.h).
  virtual absl::Status Check(const JobRequest& request) = 0;

  struct Outcome {
    GenerationResult result;
    double load_seconds = 0;  // spent on reading weights
  };
  // Draws; pins what it needs (model, plugins) first and keeps it to the end. One thread at a time.
  // `job_id` names a folder for the job's own files.
  virtual absl::StatusOr<Outcome> Execute(const std::string& job_id, const JobRequest& request,
                                          GenerationObserver& observer) = 0;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_JOBS_JOB_EXECUTOR_H_
