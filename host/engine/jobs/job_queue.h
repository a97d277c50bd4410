#ifndef PATCHBAY_HOST_ENGINE_JOBS_JOB_QUEUE_H_
#define PATCHBAY_HOST_ENGINE_JOBS_JOB_QUEUE_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "host/engine/jobs/artifact_store.h"
#include "host/engine/jobs/job.h"
#include "host/engine/jobs/job_event_log.h"
#include "host/engine/jobs/job_executor.h"
#include "host/engine/jobs/job_journal.h"

namespace patchbay {

struct JobQueueOptions {
  int capacity = 64;  // jobs that may wait
  // Times that a job may be begun before it is given up as the reason why the process ends.
  int max_attempts = 10;
  int finished_in_memory = 256;  // whose events can still be watched in full
  absl::Duration preview_interval = absl::Milliseconds(250);  // at the shortest
};

struct JobQueueStatus {
  int queued = 0;
  int capacity = 0;
  int running = 0;
  bool draining = false;
  // Since the process started:
  uint64_t accepted = 0;
  uint64_t refused = 0;  // because the queue was full
  uint64_t succeeded = 0;
  uint64_t failed = 0;
  uint64_t cancelled = 0;
  double drawing_seconds = 0;
};

// Accepts jobs, keeps them on disk and draws them one at a time on a thread of its own: a job uses
// all cores or the whole GPU, so two at once would only share its speed and double its memory. Jobs
// of higher priority go first, equal ones in order of acceptance. Jobs that a former process left
// unfinished run again, with the same id and seed. A final state is told once it is on disk and not
// before: while the journal cannot be written, a job that has ended stays running, and none begins.
// All calls may come from any thread; those that
// write to the journal take as long as the disk takes.
class JobQueue {
 public:
  // Takes up the journal's unfinished jobs and starts to draw. What it is given must outlive it.
  static absl::StatusOr<std::unique_ptr<JobQueue>> Open(const JobQueueOptions& options,
                                                        JobJournal& journal,
                                                        ArtifactStore& artifacts,
                                                        JobExecutor& executor);
  // Asks the running job to stop and leaves it and the waiting ones to the next process.
  ~JobQueue();

  // Returns once the job is safe on disk. A request_id that is known with the same request gives
  // its job again. Errors: as JobExecutor::Check; ALREADY_EXISTS for a request_id with another
  // request; RESOURCE_EXHAUSTED with a retry delay when the queue is full; UNAVAILABLE while
  // draining.
  absl::StatusOr<Job> Submit(const JobSubmission& submission);
  // NOT_FOUND; so do the next two.
  absl::StatusOr<Job> Get(std::string_view id) const;
  // A queued job ends at once, a running one before the denoiser runs again; one that has ended
  // stays as it is. Once this returns OK the wish is on disk: a job that the process's end
  // overtakes is not drawn by the next one.
  absl::StatusOr<Job> Cancel(std::string_view id);
  // The job's events. Of a job from before the newest ones only its end is known.
  absl::StatusOr<std::shared_ptr<JobEventLog>> Watch(std::string_view id) const;
  absl::StatusOr<JobPage> List(const JobListQuery& query) const;

  // Runs `work` between two jobs and waits for it. UNAVAILABLE when the queue ends first. Jobs that
  // wait and such work take turns.
  absl::Status RunBetweenJobs(std::function<absl::Status()> work);
  // The same without waiting for it. False when the queue is about to end; what was accepted is
  // run.
  bool PostBetweenJobs(std::function<void()> work);

  // While draining no job is accepted.
  void SetDraining(bool draining);
  // Waits until nothing runs or waits; with `only_running`, until the running job has ended, and
  // begins no other. False when the time was over first.
  bool WaitUntilIdle(absl::Duration limit, bool only_running);
  JobQueueStatus status() const;

 private:
  struct Entry;
  class Observer;
  using EntryPointer = std::shared_ptr<Entry>;

  JobQueue(const JobQueueOptions& options, JobJournal& journal, ArtifactStore& artifacts,
           JobExecutor& executor);
  absl::Status TakeUpUnfinished();
  absl::StatusOr<std::optional<Job>> FindSame(const JobSubmission& submission,
                                              const std::string& fingerprint) const;
  absl::Status CheckRoom();
  void Work();
  void RunOne(const EntryPointer& entry);
  absl::StatusOr<JobResult> Draw(const EntryPointer& entry);
  // Writes and tells how a job has ended. Leaves it to the next process when the queue ends before
  // that can be written.
  void End(const EntryPointer& entry, JobState state, absl::Status error,
           std::optional<JobResult> result);
  // Tries until it is written; false when the queue ends first.
  bool WriteToJournal(const std::function<absl::Status()>& write);
  Job Snapshot(const Entry& entry) const;  // mutex_ held
  void Forget();                           // mutex_ held

  const JobQueueOptions options_;
  JobJournal& journal_;
  ArtifactStore& artifacts_;
  JobExecutor& executor_;

  mutable std::mutex submit_mutex_;  // one acceptance at a time
  mutable std::mutex mutex_;         // everything below
  mutable std::condition_variable changed_;
  std::map<std::string, EntryPointer, std::less<>> entries_;
  struct GoesFirst {
    bool operator()(const EntryPointer& a, const EntryPointer& b) const;
  };
  std::set<EntryPointer, GoesFirst> waiting_;
  EntryPointer running_;
  std::deque<std::string> finished_;  // ids in entries_, the oldest first
  std::deque<std::function<void()>> between_jobs_;
  bool job_is_next_ = false;  // rather than work between jobs
  bool begin_no_more_ = false;
  JobQueueStatus status_;
  std::atomic<bool> stopping_ = false;
  std::thread worker_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_JOBS_JOB_QUEUE_H_
