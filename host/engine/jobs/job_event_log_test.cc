#include "host/engine/jobs/job_event_log.h"

#include <gtest/gtest.h>

namespace patchbay {
namespace {

std::vector<uint64_t> Sequences(const JobEventLog& log, uint64_t after, bool previews) {
  std::vector<uint64_t> sequences;
  while (const auto event = log.Next(after, previews)) {
    after = event->sequence;
    sequences.push_back(after);
  }
  return sequences;
}

Job InState(JobState state) {
  Job job;
  job.state = state;
  return job;
}

TEST(JobEventLogTest, CanBeReadAgainFromAnyNumber) {
  JobEventLog log(40);
  EXPECT_EQ(log.AddStateChange(InState(JobState::kQueued)), 41u);
  log.AddProgress({0, 1, 2, 0.1});
  log.AddProgress({0, 2, 2, 0.1});
  EXPECT_EQ(Sequences(log, 0, false), (std::vector<uint64_t>{41, 42, 43}));
  EXPECT_EQ(Sequences(log, 42, false), (std::vector<uint64_t>{43}));
  EXPECT_EQ(Sequences(log, 43, false), (std::vector<uint64_t>{}));
}

TEST(JobEventLogTest, DropsOldPreviewsAndNothingElse) {
  JobEventLog log;
  for (int step = 1; step <= 3; ++step) {
    log.AddProgress({0, step, 3, 0.1});
    log.AddPreview({0, step, {"jpeg"}});
  }
  EXPECT_EQ(Sequences(log, 0, true), (std::vector<uint64_t>{1, 3, 5, 6}));
  EXPECT_EQ(Sequences(log, 0, false), (std::vector<uint64_t>{1, 3, 5}));
  log.AddStateChange(InState(JobState::kSucceeded));
  EXPECT_EQ(Sequences(log, 0, true), (std::vector<uint64_t>{1, 3, 5, 7}));
  EXPECT_TRUE(log.is_complete());
}

TEST(JobEventLogTest, WakesThoseWhoWatch) {
  JobEventLog log;
  int all = 0;
  int without_previews = 0;
  const auto first = log.Subscribe(true, [&] { ++all; });
  EXPECT_TRUE(log.WantsPreviews());
  {
    const auto second = log.Subscribe(false, [&] { ++without_previews; });
    log.AddPreview({0, 1, {"jpeg"}});
    log.AddProgress({0, 1, 3, 0.1});
  }
  log.AddProgress({0, 2, 3, 0.1});
  EXPECT_EQ(all, 3);
  EXPECT_EQ(without_previews, 1);
}

}  // namespace
}  // namespace patchbay
