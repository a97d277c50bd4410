#ifndef PATCHBAY_HOST_ENGINE_JOBS_JOB_H_
#define PATCHBAY_HOST_ENGINE_JOBS_JOB_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "host/engine/jobs/artifact_store.h"
#include "host/engine/jobs/job_request.h"

namespace patchbay {

// The last three are final.
enum class JobState { kQueued, kRunning, kSucceeded, kFailed, kCancelled };

constexpr bool IsFinal(JobState state) {
  return state != JobState::kQueued && state != JobState::kRunning;
}

// "queued", "running", "succeeded", "failed", "cancelled"
constexpr std::string_view JobStateName(JobState state) {
  switch (state) {
    case JobState::kQueued:
      return "queued";
    case JobState::kRunning:
      return "running";
    case JobState::kSucceeded:
      return "succeeded";
    case JobState::kFailed:
      return "failed";
    case JobState::kCancelled:
      return "cancelled";
  }
  return "failed";
}

// Step `step` of `steps` (from 1) of pass number `pass` (from 0) is done and took `seconds`.
struct JobProgress {
  int pass = 0;
  int step = 0;
  int steps = 0;
  double seconds = 0;
};

// What a job that succeeded has made.
struct JobResult {
  std::vector<Artifact> pictures;  // one for each of the batch, in the request's format
  std::string latent_artifact_id;  // empty unless asked for
  GenerationReport report;
  double load_seconds = 0;  // spent on reading weights for this job
};

// A job as it is at one moment.
struct Job {
  std::string id;
  int64_t number = 0;  // order of acceptance, from 1
  JobState state = JobState::kQueued;
  JobRequest request;  // with its seed
  std::string request_id;
  int priority = 0;
  absl::Time create_time;
  std::optional<absl::Time> start_time;
  std::optional<absl::Time> finish_time;
  int queue_position = 0;         // jobs that go before it
  int attempts = 0;               // times that drawing began
  bool cancel_requested = false;  // on disk; it ends before the denoiser runs again
  std::optional<JobProgress> progress;
  std::optional<JobResult> result;  // once it has succeeded
  absl::Status error;               // once it has failed
  uint64_t last_sequence = 0;       // number of its newest event
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_JOBS_JOB_H_
