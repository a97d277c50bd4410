#include "host/engine/jobs/job_queue.h"

#include <algorithm>
#include <future>
#include <random>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "host/base/sha256.h"
#include "host/base/status_macros.h"
#include "host/engine/jobs/error_reason.h"
#include "host/engine/jobs/job_entry.h"
#include "host/engine/jobs/job_json.h"
#include "host/engine/jobs/result_files.h"

namespace patchbay {
namespace {

constexpr int kMaxPriority = 100;
constexpr size_t kMaxRequestIdBytes = 128;
// A job travels in one message with its request, and a message has 4 MiB at most.
constexpr size_t kMaxRequestBytes = 1 << 20;
// Numbers of events of one attempt start here times the attempt, so that they rise across restarts
// although only the last one of a finished job is on disk.
constexpr uint64_t kSequencesOfAnAttempt = uint64_t{1} << 20;

// Milliseconds since 1970 and chance: sorts by time, and two never meet.
std::string NewId(absl::Time now) {
  std::random_device device;
  return absl::StrFormat("%012x-%08x", absl::ToUnixMillis(now), device());
}

uint64_t NewSeed() { return std::random_device{}(); }

absl::Status CheckSubmission(const JobSubmission& submission, size_t request_bytes) {
  std::string wrong;
  if (submission.priority < -kMaxPriority || submission.priority > kMaxPriority) {
    wrong = absl::StrCat("the priority is ", submission.priority, "; it must be between ",
                         -kMaxPriority, " and ", kMaxPriority);
  } else if (submission.request_id.size() > kMaxRequestIdBytes) {
    wrong = absl::StrCat("the request_id has ", submission.request_id.size(),
                         " bytes; it may have ", kMaxRequestIdBytes);
  } else if (request_bytes > kMaxRequestBytes) {
    wrong = absl::StrCat("the settings take ", request_bytes, " bytes; they may take ",
                         kMaxRequestBytes, ", shorten the texts in them");
  }
  if (wrong.empty()) return absl::OkStatus();
  return WithReason(absl::InvalidArgumentError(wrong), error_reason::kInvalidSettings);
}

}  // namespace

bool JobQueue::GoesFirst::operator()(const EntryPointer& a, const EntryPointer& b) const {
  if (a->job.priority != b->job.priority) return a->job.priority > b->job.priority;
  return a->job.number < b->job.number;
}

JobQueue::JobQueue(const JobQueueOptions& options, JobJournal& journal, ArtifactStore& artifacts,
                   JobExecutor& executor)
    : options_(options), journal_(journal), artifacts_(artifacts), executor_(executor) {
  status_.capacity = options.capacity;
}

absl::StatusOr<std::unique_ptr<JobQueue>> JobQueue::Open(const JobQueueOptions& options,
                                                         JobJournal& journal,
                                                         ArtifactStore& artifacts,
                                                         JobExecutor& executor) {
  auto queue = absl::WrapUnique(new JobQueue(options, journal, artifacts, executor));
  PATCHBAY_RETURN_IF_ERROR(queue->TakeUpUnfinished());
  queue->worker_ = std::thread([raw = queue.get()] { raw->Work(); });
  return queue;
}

JobQueue::~JobQueue() {
  stopping_ = true;
  {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
  }
  if (worker_.joinable()) worker_.join();
}

absl::Status JobQueue::TakeUpUnfinished() {
  PATCHBAY_ASSIGN_OR_RETURN(std::vector<Job> jobs, journal_.Unfinished());
  for (Job& job : jobs) {
    const bool too_often = job.attempts >= options_.max_attempts;
    const bool cancelled = job.cancel_requested;
    job.state = JobState::kQueued;
    auto entry = std::make_shared<Entry>(std::move(job), kSequencesOfAnAttempt);
    entries_.emplace(entry->job.id, entry);
    if (cancelled) {
      End(entry, JobState::kCancelled, absl::OkStatus(), std::nullopt);
      continue;
    }
    if (too_often) {
      End(entry, JobState::kFailed,
          WithReason(
              absl::AbortedError(absl::StrCat("the server's process ended ", entry->job.attempts,
                                              " times while this generation ran")),
              error_reason::kHostEndedTooOften),
          std::nullopt);
      continue;
    }
    entry->log->AddStateChange(entry->job);
    const std::lock_guard lock(mutex_);
    waiting_.insert(entry);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Job>> JobQueue::FindSame(const JobSubmission& submission,
                                                      const std::string& fingerprint) const {
  if (submission.request_id.empty()) return std::nullopt;
  PATCHBAY_ASSIGN_OR_RETURN(const auto known, journal_.FindRequest(submission.request_id));
  if (!known.has_value()) return std::nullopt;
  if (known->fingerprint != fingerprint) {
    return WithDetails(absl::AlreadyExistsError(
                           absl::StrCat("the request_id was used for generation ", known->job.id,
                                        " with other settings; use a new one")),
                       {std::string(error_reason::kRequestIdReused),
                        {{"generation", known->job.id}},
                        std::nullopt});
  }
  PATCHBAY_ASSIGN_OR_RETURN(Job job, Get(known->job.id));
  return job;
}

absl::Status JobQueue::CheckRoom() {
  const std::lock_guard lock(mutex_);
  if (status_.draining || stopping_) {
    return WithDetails(
        absl::UnavailableError("the server takes no new generations now; try again later"),
        {std::string(error_reason::kDraining), {}, absl::Seconds(10)});
  }
  const int queued = static_cast<int>(waiting_.size());
  if (queued < options_.capacity) return absl::OkStatus();
  ++status_.refused;
  const uint64_t drawn = status_.succeeded + status_.failed;
  const double seconds = drawn == 0 ? 5 : std::clamp(status_.drawing_seconds / drawn, 1.0, 600.0);
  return WithDetails(
      absl::ResourceExhaustedError(absl::StrCat("the queue is full with ", queued,
                                                " generations; try again in about ",
                                                absl::StrFormat("%.0f", seconds), " seconds")),
      {std::string(error_reason::kQueueFull),
       {{"queue_depth", absl::StrCat(queued)}, {"queue_capacity", absl::StrCat(options_.capacity)}},
       absl::Seconds(seconds)});
}

absl::StatusOr<Job> JobQueue::Submit(const JobSubmission& submission) {
  const std::string request = JobRequestJson(submission.request);
  PATCHBAY_RETURN_IF_ERROR(CheckSubmission(submission, request.size()));
  const std::string fingerprint = Sha256Of(request);
  PATCHBAY_ASSIGN_OR_RETURN(std::optional<Job> same, FindSame(submission, fingerprint));
  if (same.has_value()) return *std::move(same);
  PATCHBAY_RETURN_IF_ERROR(CheckRoom());  // before work is done for it
  PATCHBAY_RETURN_IF_ERROR(executor_.Check(submission.request));

  const std::lock_guard one_at_a_time(submit_mutex_);
  PATCHBAY_ASSIGN_OR_RETURN(same, FindSame(submission, fingerprint));
  if (same.has_value()) return *std::move(same);
  PATCHBAY_RETURN_IF_ERROR(CheckRoom());
  Job job;
  job.create_time = absl::Now();
  job.id = NewId(job.create_time);
  job.request = submission.request;
  if (!job.request.seed.has_value()) job.request.seed = NewSeed();
  job.request_id = submission.request_id;
  job.priority = submission.priority;
  PATCHBAY_RETURN_IF_ERROR(journal_.Accept(job, fingerprint));
  auto entry = std::make_shared<Entry>(std::move(job), kSequencesOfAnAttempt);

  const std::lock_guard lock(mutex_);
  entries_.emplace(entry->job.id, entry);
  waiting_.insert(entry);
  ++status_.accepted;
  Job snapshot = Snapshot(*entry);
  entry->log->AddStateChange(snapshot);
  snapshot.last_sequence = entry->log->last_sequence();
  changed_.notify_all();
  return snapshot;
}

Job JobQueue::Snapshot(const Entry& entry) const {
  Job job = entry.job;
  job.last_sequence = entry.log->last_sequence();
  if (job.state == JobState::kQueued) {
    int ahead = running_ == nullptr ? 0 : 1;
    for (const EntryPointer& other : waiting_) {
      if (other.get() == &entry) break;
      ++ahead;
    }
    job.queue_position = ahead;
  }
  return job;
}

absl::StatusOr<Job> JobQueue::Get(std::string_view id) const {
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(id);
    if (found != entries_.end()) return Snapshot(*found->second);
  }
  return journal_.Get(id);
}

absl::StatusOr<std::shared_ptr<JobEventLog>> JobQueue::Watch(std::string_view id) const {
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(id);
    if (found != entries_.end()) return found->second->log;
  }
  PATCHBAY_ASSIGN_OR_RETURN(Job job, journal_.Get(id));
  auto log = std::make_shared<JobEventLog>(job.last_sequence > 0 ? job.last_sequence - 1 : 0);
  log->AddStateChange(std::move(job));
  return log;
}

absl::StatusOr<JobPage> JobQueue::List(const JobListQuery& query) const {
  PATCHBAY_ASSIGN_OR_RETURN(JobPage page, journal_.List(query));
  const std::lock_guard lock(mutex_);
  for (Job& job : page.jobs) {
    const auto found = entries_.find(job.id);
    if (found != entries_.end()) job = Snapshot(*found->second);
  }
  return page;
}

absl::StatusOr<Job> JobQueue::Cancel(std::string_view id) {
  EntryPointer entry;
  bool was_waiting = false;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(id);
    if (found != entries_.end() && !IsFinal(found->second->job.state)) entry = found->second;
  }
  if (entry == nullptr) return Get(id);
  PATCHBAY_RETURN_IF_ERROR(journal_.RequestCancel(id));
  {
    const std::lock_guard lock(mutex_);
    entry->cancelled = true;
    entry->job.cancel_requested = true;
    was_waiting = waiting_.erase(entry) > 0;
  }
  if (was_waiting) End(entry, JobState::kCancelled, absl::OkStatus(), std::nullopt);
  return Get(id);
}

void JobQueue::Forget() {
  while (finished_.size() > static_cast<size_t>(options_.finished_in_memory)) {
    entries_.erase(finished_.front());
    finished_.pop_front();
  }
}

absl::Status JobQueue::RunBetweenJobs(std::function<absl::Status()> work) {
  const auto promise = std::make_shared<std::promise<absl::Status>>();
  std::future<absl::Status> result = promise->get_future();
  const bool accepted = PostBetweenJobs([this, promise, work = std::move(work)] {
    promise->set_value(stopping_ ? absl::UnavailableError("the server is about to end") : work());
  });
  if (!accepted) return absl::UnavailableError("the server is about to end");
  return result.get();
}

bool JobQueue::PostBetweenJobs(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return false;
  between_jobs_.push_back(std::move(work));
  changed_.notify_all();
  return true;
}

void JobQueue::SetDraining(bool draining) {
  const std::lock_guard lock(mutex_);
  status_.draining = draining;
}

bool JobQueue::WaitUntilIdle(absl::Duration limit, bool only_running) {
  std::unique_lock lock(mutex_);
  if (only_running) begin_no_more_ = true;
  return changed_.wait_for(lock, absl::ToChronoMilliseconds(limit), [&] {
    return running_ == nullptr && (only_running || waiting_.empty());
  });
}

JobQueueStatus JobQueue::status() const {
  const std::lock_guard lock(mutex_);
  JobQueueStatus status = status_;
  status.queued = static_cast<int>(waiting_.size());
  status.running = running_ == nullptr ? 0 : 1;
  return status;
}

}  // namespace patchbay
