#include "host/engine/jobs/model_turns.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace patchbay {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

// "Draws" for 20 ms and sees to it that nothing else has the model meanwhile.
class SlowExecutor final : public JobExecutor {
 public:
  absl::Status Check(const JobRequest&) override { return absl::OkStatus(); }
  absl::StatusOr<Outcome> Execute(const std::string&, const JobRequest& request,
                                  GenerationObserver&) override {
    Use(milliseconds(20));
    ++drawn;
    Outcome outcome;
    outcome.result.pictures = {{1, 1, 3, {1, 2, 3}}};
    outcome.result.metadata = {{{"parameters", request.settings.prompt}}};
    return outcome;
  }

  void Use(milliseconds time) {
    if (users.fetch_add(1) != 0) ++overlaps;
    std::this_thread::sleep_for(time);
    --users;
  }

  std::atomic<int> users = 0;
  std::atomic<int> overlaps = 0;
  std::atomic<int> drawn = 0;
};

class ModelTurnsTest : public testing::Test {
 protected:
  ModelTurnsTest() {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    artifacts_ = *ArtifactStore::Open(folder_ + "/artifacts");
    journal_ = *JobJournal::Open(folder_ + "/jobs.sqlite");
    queue_ = *JobQueue::Open({}, *journal_, *artifacts_, executor_);
  }
  ~ModelTurnsTest() override {
    queue_.reset();
    journal_.reset();
    artifacts_.reset();
    fs::remove_all(folder_);
  }

  void Submit(int jobs) {
    for (int i = 0; i < jobs; ++i) {
      JobSubmission submission;
      submission.request.settings.prompt = "x";
      ASSERT_TRUE(queue_->Submit(submission).ok());
    }
  }

  const std::string folder_ = testing::TempDir() + "model_turns_test";
  SlowExecutor executor_;
  std::unique_ptr<ArtifactStore> artifacts_;
  std::unique_ptr<JobJournal> journal_;
  std::unique_ptr<JobQueue> queue_;
};

TEST_F(ModelTurnsTest, JobsAndUsesTakeTurns) {
  Submit(20);
  ModelTurns turns(*queue_, [] { return false; }, {milliseconds(30), milliseconds(5)});
  std::vector<int> drawn_before;
  for (int use = 0; use < 30; ++use) {
    ASSERT_TRUE(turns.Take().ok());
    drawn_before.push_back(executor_.drawn);
    executor_.Use(milliseconds(10));
    turns.GiveBack();
  }
  EXPECT_EQ(executor_.overlaps, 0);
  // A slice has three uses or so: jobs went on between them, and not one for each use.
  EXPECT_GT(drawn_before.back(), 4);
  EXPECT_LT(drawn_before.back(), 20);
}

TEST_F(ModelTurnsTest, AUseWithinAUseIsTheSame) {
  ModelTurns turns(*queue_, [] { return false; }, {milliseconds(1), milliseconds(1)});
  ASSERT_TRUE(turns.Take().ok());
  std::this_thread::sleep_for(milliseconds(5));  // the slice is over
  ASSERT_TRUE(turns.Take().ok());
  turns.GiveBack();
  Submit(1);
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_EQ(executor_.drawn, 0);
  turns.GiveBack();
  turns.GiveBack();  // one too many
  EXPECT_TRUE(queue_->WaitUntilIdle(absl::Seconds(10), /*only_running=*/false));
  EXPECT_EQ(executor_.drawn, 1);
}

TEST_F(ModelTurnsTest, AnIdleHolderHoldsNobodyUp) {
  ModelTurns turns(*queue_, [] { return false; }, {milliseconds(10000), milliseconds(10)});
  ASSERT_TRUE(turns.Take().ok());
  turns.GiveBack();
  Submit(3);
  EXPECT_TRUE(queue_->WaitUntilIdle(absl::Seconds(5), /*only_running=*/false));
  EXPECT_EQ(executor_.drawn, 3);
}

TEST_F(ModelTurnsTest, WaitingEndsWhenItIsCancelled) {
  ModelTurns holder(*queue_, [] { return false; }, {});
  ASSERT_TRUE(holder.Take().ok());
  std::atomic<bool> cancelled = false;
  absl::Status status;
  std::thread waiter([&] {
    ModelTurns turns(*queue_, [&] { return cancelled.load(); }, {});
    status = turns.Take();
  });
  std::this_thread::sleep_for(milliseconds(20));
  cancelled = true;
  waiter.join();
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
  holder.GiveBack();
  // What was asked for and given up does not hold the queue up.
  Submit(1);
  EXPECT_TRUE(queue_->WaitUntilIdle(absl::Seconds(5), /*only_running=*/false));
}

}  // namespace
}  // namespace patchbay
