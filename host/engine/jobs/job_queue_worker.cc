// The queue's own thread: takes the next job, draws it and writes down how it has ended.

#include <chrono>
#include <cstdio>
#include <utility>

#include "absl/time/time.h"
#include "host/base/process_memory.h"
#include "host/base/status_macros.h"
#include "host/engine/jobs/job_entry.h"
#include "host/engine/jobs/job_queue.h"
#include "host/engine/jobs/result_files.h"

namespace patchbay {
namespace {

constexpr std::chrono::milliseconds kJournalRetry(500);
// How long nothing is drawn before the memory of what was goes back to the system.
constexpr std::chrono::seconds kIdleTime(5);

}  // namespace

// Reports a running job to its watchers and asks for its end when somebody wants that.
class JobQueue::Observer final : public GenerationObserver {
 public:
  Observer(JobQueue& queue, EntryPointer entry) : queue_(queue), entry_(std::move(entry)) {}

  void OnStep(int pass, int step, int steps, double seconds) override {
    progress_ = {pass, step, steps, seconds};
    {
      const std::lock_guard lock(queue_.mutex_);
      entry_->job.progress = progress_;
    }
    entry_->log->AddProgress(progress_);
  }

  bool WantsPreview() override {
    return entry_->log->WantsPreviews() &&
           absl::Now() - last_preview_ >= queue_.options_.preview_interval;
  }

  void OnPreview(const std::vector<Picture>& pictures) override {
    last_preview_ = absl::Now();
    std::vector<std::string> jpegs = EncodePreview(pictures);
    if (jpegs.empty()) return;
    entry_->log->AddPreview({progress_.pass, progress_.step, std::move(jpegs)});
  }

  bool IsCancelled() override { return entry_->cancelled || queue_.stopping_; }

 private:
  JobQueue& queue_;
  const EntryPointer entry_;
  JobProgress progress_;
  absl::Time last_preview_ = absl::InfinitePast();
};

void JobQueue::Work() {
  std::unique_lock lock(mutex_);
  const auto has_work = [this] {
    return stopping_ || !between_jobs_.empty() || (!waiting_.empty() && !begin_no_more_);
  };
  bool keeps_memory = false;  // that a job has freed
  while (true) {
    if (keeps_memory && !changed_.wait_for(lock, kIdleTime, has_work)) {
      keeps_memory = false;
      lock.unlock();
      ReturnFreedMemory();
      lock.lock();
    }
    changed_.wait(lock, has_work);
    const bool can_draw = !waiting_.empty() && !begin_no_more_ && !stopping_;
    if (!between_jobs_.empty() && !(job_is_next_ && can_draw)) {
      job_is_next_ = true;
      const std::function<void()> work = std::move(between_jobs_.front());
      between_jobs_.pop_front();
      lock.unlock();
      work();
      lock.lock();
      continue;
    }
    if (stopping_) return;
    job_is_next_ = false;
    running_ = *waiting_.begin();
    waiting_.erase(waiting_.begin());
    const EntryPointer entry = running_;
    lock.unlock();
    RunOne(entry);
    lock.lock();
    keeps_memory = true;
    running_ = nullptr;
    changed_.notify_all();
  }
}

void JobQueue::RunOne(const EntryPointer& entry) {
  const absl::Time start = absl::Now();
  Job job;
  {
    const std::lock_guard lock(mutex_);
    entry->job.state = JobState::kRunning;
    entry->job.start_time = start;
    ++entry->job.attempts;
    job = entry->job;
  }
  // On disk before anything can go wrong, so that a job that ends the process is known.
  if (!WriteToJournal([&] { return journal_.Start(job); })) return;
  entry->log->AddStateChange(std::move(job));
  absl::StatusOr<JobResult> result = Draw(entry);
  {
    const std::lock_guard lock(mutex_);
    status_.drawing_seconds += absl::ToDoubleSeconds(absl::Now() - start);
  }
  if (result.ok()) {
    End(entry, JobState::kSucceeded, absl::OkStatus(), *std::move(result));
  } else if (!absl::IsCancelled(result.status())) {
    End(entry, JobState::kFailed, result.status(), std::nullopt);
  } else if (entry->cancelled) {
    End(entry, JobState::kCancelled, absl::OkStatus(), std::nullopt);
  }
  // Otherwise the process ends: the journal still says "running", and the next process draws it.
}

absl::StatusOr<JobResult> JobQueue::Draw(const EntryPointer& entry) {
  // Only the worker changes a running job's request, and nobody does.
  const JobRequest& request = entry->job.request;
  Observer observer(*this, entry);
  PATCHBAY_ASSIGN_OR_RETURN(const JobExecutor::Outcome outcome,
                            executor_.Execute(entry->job.id, request, observer));
  return StoreResult(outcome, request.format, artifacts_);
}

void JobQueue::End(const EntryPointer& entry, JobState state, absl::Status error,
                   std::optional<JobResult> result) {
  Job job;
  {
    const std::lock_guard lock(mutex_);
    job = entry->job;
  }
  job.state = state;
  job.finish_time = absl::Now();
  job.error = std::move(error);
  job.result = std::move(result);
  job.last_sequence = entry->log->last_sequence() + 1;
  // Of a cancelled job the wish is on disk already, which says the same to the next process.
  const absl::Status written = journal_.Finish(job);
  if (!written.ok() && state != JobState::kCancelled &&
      !WriteToJournal([&] { return journal_.Finish(job); })) {
    return;
  }
  const std::lock_guard lock(mutex_);
  entry->job = job;
  status_.succeeded += job.state == JobState::kSucceeded ? 1 : 0;
  status_.failed += job.state == JobState::kFailed ? 1 : 0;
  status_.cancelled += job.state == JobState::kCancelled ? 1 : 0;
  finished_.push_back(job.id);
  Forget();
  entry->log->AddStateChange(std::move(job));
  changed_.notify_all();
}

bool JobQueue::WriteToJournal(const std::function<absl::Status()>& write) {
  bool has_complained = false;
  while (!stopping_) {
    const absl::Status written = write();
    if (written.ok()) return true;
    if (!has_complained) {
      std::fprintf(stderr, "the journal of generations cannot be written (%s); trying again\n",
                   std::string(written.message()).c_str());
      has_complained = true;
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kJournalRetry, [this] { return stopping_.load(); });
  }
  return false;
}

}  // namespace patchbay
