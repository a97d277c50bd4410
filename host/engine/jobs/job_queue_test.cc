#include "host/engine/jobs/job_queue.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <condition_variable>
#include <csignal>
#include <filesystem>

#include "host/engine/jobs/error_reason.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

// "Draws" a picture of one pixel in as many steps as asked for, and waits before each step until
// the gate is open.
class GatedExecutor final : public JobExecutor {
 public:
  absl::Status Check(const JobRequest& request) override {
    return request.settings.steps > 0 ? absl::OkStatus() : absl::InvalidArgumentError("steps");
  }

  absl::StatusOr<Outcome> Execute(const std::string&, const JobRequest& request,
                                  GenerationObserver& observer) override {
    {
      const std::lock_guard lock(mutex_);
      drawn_.push_back(request.settings.prompt);
    }
    for (int step = 1; step <= request.settings.steps; ++step) {
      if (!Pass(observer)) return absl::CancelledError("stopped");
      observer.OnStep(0, step, request.settings.steps, 0.01);
    }
    if (request.settings.prompt == "fail") return absl::DataLossError("cannot be drawn");
    Outcome outcome;
    outcome.result.pictures = {{1, 1, 3, {1, 2, static_cast<uint8_t>(*request.seed)}}};
    outcome.result.metadata = {{{"parameters", request.settings.prompt}}};
    outcome.result.report.seed = *request.seed;
    return outcome;
  }

  // Whether a running job goes on although it is to end, as a long step does.
  void IgnoreCancel(bool ignore) {
    const std::lock_guard lock(mutex_);
    ignores_cancel_ = ignore;
    changed_.notify_all();
  }
  void Open(bool open) {
    const std::lock_guard lock(mutex_);
    open_ = open;
    changed_.notify_all();
  }
  std::vector<std::string> drawn() {
    const std::lock_guard lock(mutex_);
    return drawn_;
  }

 private:
  bool Pass(GenerationObserver& observer) {
    std::unique_lock lock(mutex_);
    while (!open_ && (ignores_cancel_ || !observer.IsCancelled())) {
      changed_.wait_for(lock, std::chrono::milliseconds(5));
    }
    return !observer.IsCancelled();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  bool ignores_cancel_ = false;
  std::vector<std::string> drawn_;
};

class JobQueueTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    Start();
  }
  void TearDown() override {
    Stop();
    fs::remove_all(folder_);
  }

  void Start(JobQueueOptions options = {}) {
    auto artifacts = ArtifactStore::Open(folder_ + "/artifacts");
    ASSERT_TRUE(artifacts.ok()) << artifacts.status();
    artifacts_ = *std::move(artifacts);
    auto journal = JobJournal::Open(folder_ + "/jobs.sqlite");
    ASSERT_TRUE(journal.ok()) << journal.status();
    journal_ = *std::move(journal);
    auto queue = JobQueue::Open(options, *journal_, *artifacts_, executor_);
    ASSERT_TRUE(queue.ok()) << queue.status();
    queue_ = *std::move(queue);
  }
  void Stop() {
    queue_.reset();
    journal_.reset();
    artifacts_.reset();
  }

  absl::StatusOr<Job> Submit(const std::string& prompt, const std::string& request_id = "",
                             int priority = 0, int steps = 2) {
    JobSubmission submission;
    submission.request.settings.prompt = prompt;
    submission.request.settings.steps = steps;
    submission.request_id = request_id;
    submission.priority = priority;
    return queue_->Submit(submission);
  }

  Job WaitFor(const std::string& id, bool until_running = false) {
    Job job;
    for (int i = 0; i < 1000; ++i) {
      job = *queue_->Get(id);
      if (IsFinal(job.state) || (until_running && job.state == JobState::kRunning)) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return job;
  }

  const std::string folder_ = testing::TempDir() + "/queue-" +
                              testing::UnitTest::GetInstance()->current_test_info()->name();
  GatedExecutor executor_;
  std::unique_ptr<ArtifactStore> artifacts_;
  std::unique_ptr<JobJournal> journal_;
  std::unique_ptr<JobQueue> queue_;
};

TEST_F(JobQueueTest, DrawsAndStoresPictures) {
  const auto accepted = Submit("an apple");
  ASSERT_TRUE(accepted.ok()) << accepted.status();
  const Job job = WaitFor(accepted->id);
  ASSERT_EQ(job.state, JobState::kSucceeded) << job.error;
  ASSERT_EQ(job.result->pictures.size(), 1u);
  EXPECT_TRUE(artifacts_->Find(job.result->pictures[0].id).ok());
  EXPECT_EQ(job.result->report.seed, *job.request.seed);
  EXPECT_EQ(job.progress->step, 2);
}

TEST_F(JobQueueTest, TellsWhatHappenedInOrder) {
  const std::string id = Submit("an apple")->id;
  const Job job = WaitFor(id);
  const auto log = *queue_->Watch(id);
  std::vector<std::string> seen;
  uint64_t sequence = 0;
  while (const auto event = log->Next(sequence, false)) {
    EXPECT_GT(event->sequence, sequence);
    sequence = event->sequence;
    const auto* change = std::get_if<JobStateChange>(&event->what);
    seen.emplace_back(change == nullptr ? "step" : JobStateName(change->job.state));
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"queued", "running", "step", "step", "succeeded"}));
  EXPECT_EQ(job.last_sequence, sequence);
}

TEST_F(JobQueueTest, EndsFailedJobsWithTheirError) {
  const Job job = WaitFor(Submit("fail")->id);
  EXPECT_EQ(job.state, JobState::kFailed);
  EXPECT_EQ(job.error.message(), "cannot be drawn");
  EXPECT_FALSE(job.result.has_value());
}

TEST_F(JobQueueTest, HigherPriorityGoesFirst) {
  executor_.Open(false);
  const std::string first = Submit("first")->id;
  WaitFor(first, true);
  ASSERT_TRUE(Submit("low", "", -1).ok());
  ASSERT_TRUE(Submit("usual").ok());
  const auto high = Submit("high", "", 5);
  EXPECT_EQ(high->queue_position, 1);  // behind the running one
  executor_.Open(true);
  EXPECT_TRUE(queue_->WaitUntilIdle(absl::Seconds(5), false));
  EXPECT_EQ(executor_.drawn(), (std::vector<std::string>{"first", "high", "usual", "low"}));
}

TEST_F(JobQueueTest, CancelsWaitingAndRunningJobs) {
  executor_.Open(false);
  const std::string running = Submit("running")->id;
  WaitFor(running, true);
  const std::string waiting = Submit("waiting")->id;
  EXPECT_EQ(queue_->Cancel(waiting)->state, JobState::kCancelled);
  ASSERT_TRUE(queue_->Cancel(running).ok());
  EXPECT_EQ(WaitFor(running).state, JobState::kCancelled);
  EXPECT_EQ(queue_->Cancel(running)->state, JobState::kCancelled);
  EXPECT_EQ(executor_.drawn(), (std::vector<std::string>{"running"}));
  EXPECT_EQ(queue_->Cancel("nothing").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(JobQueueTest, RefusesWhatDoesNotFit) {
  Stop();
  Start({.capacity = 2});
  executor_.Open(false);
  WaitFor(Submit("running")->id, true);
  ASSERT_TRUE(Submit("1").ok());
  ASSERT_TRUE(Submit("2", "same").ok());
  const absl::Status full = Submit("3").status();
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(DetailsOf(full).reason, error_reason::kQueueFull);
  EXPECT_EQ(DetailsOf(full).metadata["queue_depth"], "2");
  EXPECT_GT(DetailsOf(full).retry_delay.value_or(absl::ZeroDuration()), absl::ZeroDuration());
  EXPECT_TRUE(Submit("2", "same").ok());  // was accepted already
}

TEST_F(JobQueueTest, CreatesOnceForOneRequestId) {
  const std::string id = Submit("an apple", "once")->id;
  EXPECT_EQ(Submit("an apple", "once")->id, id);
  EXPECT_EQ(DetailsOf(Submit("a pear", "once").status()).reason, error_reason::kRequestIdReused);
  WaitFor(id);
  Stop();
  Start();
  EXPECT_EQ(Submit("an apple", "once")->id, id);
  EXPECT_EQ(executor_.drawn().size(), 1u);
}

TEST_F(JobQueueTest, RefusesBadSubmissions) {
  EXPECT_EQ(Submit("x", "", 101).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Submit("x", std::string(129, 'x')).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Submit("x", "", 0, 0).status().code(), absl::StatusCode::kInvalidArgument);
  queue_->SetDraining(true);
  EXPECT_EQ(Submit("x").status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(JobQueueTest, UnfinishedJobsRunAgainAfterARestart) {
  executor_.Open(false);
  const Job running = *Submit("running");
  WaitFor(running.id, true);
  const uint64_t seen = (*queue_->Watch(running.id))->last_sequence();
  const std::string waiting = Submit("waiting")->id;
  Stop();
  executor_.Open(true);
  Start();
  const Job again = WaitFor(running.id);
  EXPECT_EQ(again.state, JobState::kSucceeded);
  EXPECT_EQ(again.attempts, 2);
  EXPECT_EQ(again.request.seed, running.request.seed);
  EXPECT_EQ(WaitFor(waiting).state, JobState::kSucceeded);
  // A watcher that comes back with its last number misses nothing.
  const auto next = (*queue_->Watch(running.id))->Next(seen, false);
  ASSERT_NE(next, nullptr);
  EXPECT_EQ(std::get<JobStateChange>(next->what).job.state, JobState::kQueued);
}

// A disk that is full for as long as this lives: no file of this process can grow.
class FullDisk {
 public:
  FullDisk() {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit none{0, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &none);
  }
  ~FullDisk() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(JobQueueTest, TellsNoEndThatIsNotOnDisk) {
  executor_.Open(false);
  const std::string id = Submit("an apple")->id;
  WaitFor(id, true);
  {
    const FullDisk full;
    executor_.Open(true);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    EXPECT_EQ(queue_->Get(id)->state, JobState::kRunning);
    EXPECT_FALSE((*queue_->Watch(id))->is_complete());
    EXPECT_FALSE(Submit("not accepted").ok());
  }
  // The picture could not be stored; that is what the queue says, and the journal.
  const Job ended = WaitFor(id);
  EXPECT_EQ(ended.state, JobState::kFailed);
  EXPECT_EQ(journal_->Get(id)->state, JobState::kFailed);
  Stop();
  Start();
  EXPECT_EQ(queue_->Get(id)->state, JobState::kFailed);
  EXPECT_EQ(executor_.drawn().size(), 1u);
}

TEST_F(JobQueueTest, LeavesAnEndThatCannotBeWrittenToTheNextProcess) {
  executor_.Open(false);
  const std::string id = Submit("an apple")->id;
  WaitFor(id, true);
  const auto log = *queue_->Watch(id);
  {
    const FullDisk full;
    executor_.Open(true);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    Stop();
  }
  EXPECT_FALSE(log->is_complete());
  Start();
  EXPECT_EQ(WaitFor(id).state, JobState::kSucceeded);
}

// The process may end before a running job has noticed: here the queue is gone in between.
TEST_F(JobQueueTest, ACancelOutlivesTheProcess) {
  executor_.IgnoreCancel(true);
  executor_.Open(false);
  const std::string id = Submit("cancelled")->id;
  WaitFor(id, true);
  const absl::StatusOr<Job> answered = queue_->Cancel(id);
  ASSERT_TRUE(answered.ok()) << answered.status();
  EXPECT_TRUE(answered->cancel_requested);
  const std::vector<Job> unfinished = *journal_->Unfinished();
  ASSERT_EQ(unfinished.size(), 1u);
  EXPECT_TRUE(unfinished[0].cancel_requested);
  // What is on disk now is what a killed process leaves.
  fs::create_directories(folder_ + "/killed");
  for (const char* file : {"/jobs.sqlite", "/jobs.sqlite-wal"}) {
    fs::copy_file(folder_ + file, folder_ + "/killed" + file);
  }
  executor_.IgnoreCancel(false);
  Stop();
  for (const char* file : {"/jobs.sqlite", "/jobs.sqlite-wal"}) {
    fs::remove(folder_ + file);
    fs::rename(folder_ + "/killed" + file, folder_ + file);
  }
  executor_.Open(true);
  Start();
  EXPECT_EQ(WaitFor(id).state, JobState::kCancelled);
  EXPECT_EQ(executor_.drawn(), (std::vector<std::string>{"cancelled"}));
  EXPECT_TRUE(journal_->Unfinished()->empty());
}

// What the version before had no column for.
TEST_F(JobQueueTest, TakesUpAJournalOfVersionOne) {
  const std::string id = Submit("an apple")->id;
  WaitFor(id);
  Stop();
  {
    auto database = SqliteDatabase::Open(folder_ + "/jobs.sqlite");
    ASSERT_TRUE(database.ok()) << database.status();
    const absl::Status status = database->Execute(
        "ALTER TABLE jobs DROP COLUMN cancel_requested; PRAGMA user_version = 1;");
    ASSERT_TRUE(status.ok()) << status;
  }
  Start();
  EXPECT_EQ(queue_->Get(id)->state, JobState::kSucceeded);
  EXPECT_EQ(WaitFor(Submit("a pear")->id).state, JobState::kSucceeded);
}

TEST_F(JobQueueTest, FinishedJobsAreListedAfterARestart) {
  const std::string id = Submit("an apple")->id;
  const Job before = WaitFor(id);
  Stop();
  Start();
  const Job after = *queue_->Get(id);
  EXPECT_EQ(after.state, JobState::kSucceeded);
  EXPECT_EQ(after.result->pictures[0].id, before.result->pictures[0].id);
  EXPECT_EQ(queue_->List({})->jobs.size(), 1u);
  const auto event = (*queue_->Watch(id))->Next(before.last_sequence - 1, false);
  ASSERT_NE(event, nullptr);
  EXPECT_EQ(event->sequence, before.last_sequence);
}

TEST_F(JobQueueTest, GivesAJobUpThatEndsTheProcessTooOften) {
  executor_.Open(false);
  const std::string id = Submit("crash")->id;
  WaitFor(id, true);
  Stop();
  Start({.max_attempts = 1});
  const Job job = *queue_->Get(id);
  EXPECT_EQ(job.state, JobState::kFailed);
  EXPECT_EQ(DetailsOf(job.error).reason, error_reason::kHostEndedTooOften);
}

TEST_F(JobQueueTest, ListsByStateAndPage) {
  std::vector<std::string> ids;
  for (const char* prompt : {"a", "fail", "b"}) ids.push_back(Submit(prompt)->id);
  WaitFor(ids.back());
  const auto page = *queue_->List({.limit = 2, .states = {}});
  ASSERT_EQ(page.jobs.size(), 2u);
  EXPECT_TRUE(page.more);
  EXPECT_EQ(page.jobs[0].id, ids[2]);
  const auto rest = *queue_->List({.limit = 2, .before_number = page.jobs[1].number, .states = {}});
  ASSERT_EQ(rest.jobs.size(), 1u);
  EXPECT_FALSE(rest.more);
  EXPECT_EQ(rest.jobs[0].id, ids[0]);
  EXPECT_EQ(queue_->List({.states = {JobState::kFailed}})->jobs.at(0).id, ids[1]);
}

TEST_F(JobQueueTest, PagesAreShortWhereJobsAreLong) {
  std::vector<std::string> ids;
  for (const char letter : {'a', 'b', 'c'}) {
    ids.push_back(Submit(std::string(100'000, letter))->id);
  }
  WaitFor(ids.back());
  JobListQuery query{.states = {}, .max_bytes = 250'000};
  const JobPage page = *queue_->List(query);
  ASSERT_EQ(page.jobs.size(), 2u);
  EXPECT_TRUE(page.more);
  query.before_number = page.jobs.back().number;
  const JobPage rest = *queue_->List(query);
  ASSERT_EQ(rest.jobs.size(), 1u);
  EXPECT_FALSE(rest.more);
  EXPECT_EQ(rest.jobs[0].id, ids[0]);
  // One that is longer than a page stands alone.
  EXPECT_EQ(queue_->List({.states = {}, .max_bytes = 10})->jobs.size(), 1u);
  EXPECT_EQ(Submit(std::string(1 << 20, 'x')).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(JobQueueTest, TheJournalForgetsOldJobsAndKnowsTheirFiles) {
  const Job first = WaitFor(Submit("a")->id);
  const Job second = WaitFor(Submit("b")->id);
  EXPECT_TRUE(journal_->UsedArtifacts()->count(first.result->pictures[0].id));
  EXPECT_EQ(*journal_->Prune(1), 1);
  EXPECT_FALSE(journal_->Get(first.id).ok());
  EXPECT_TRUE(journal_->Get(second.id).ok());
}

TEST_F(JobQueueTest, OneDataFolderServesOneProcess) {
  EXPECT_EQ(JobJournal::Open(folder_ + "/jobs.sqlite").status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(JobQueueTest, RunsWorkBetweenJobs) {
  EXPECT_EQ(queue_->RunBetweenJobs([] { return absl::AbortedError("x"); }).code(),
            absl::StatusCode::kAborted);
}

TEST_F(JobQueueTest, WaitsForTheRunningJobOnly) {
  executor_.Open(false);
  const std::string running = Submit("running")->id;
  WaitFor(running, true);
  const std::string waiting = Submit("waiting")->id;
  EXPECT_FALSE(queue_->WaitUntilIdle(absl::Milliseconds(20), true));
  executor_.Open(true);
  EXPECT_TRUE(queue_->WaitUntilIdle(absl::Seconds(5), true));
  EXPECT_EQ(queue_->Get(running)->state, JobState::kSucceeded);
  EXPECT_EQ(queue_->Get(waiting)->state, JobState::kQueued);
}

}  // namespace
}  // namespace patchbay
