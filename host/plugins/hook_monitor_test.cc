#include "host/plugins/hook_monitor.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace patchbay {
namespace {

using testing::HasSubstr;

const absl::Status kFault = absl::InternalError("plugin x failed");

TEST(HookMonitorTest, SuspendsAfterRepeatedFailures) {
  HookMonitor monitor({.failures_until_suspended = 3});
  for (int i = 0; i < 2; ++i) monitor.RecordFailure("a", kFault);
  EXPECT_EQ(monitor.SuspensionReason("a"), "");
  monitor.RecordFailure("a", kFault);
  EXPECT_EQ(monitor.SuspensionReason("a"), "suspended after 3 failures; the last: plugin x failed");
  EXPECT_EQ(monitor.SuspensionReason("b"), "");
}

TEST(HookMonitorTest, ASuccessStartsTheCountAgain) {
  HookMonitor monitor({.failures_until_suspended = 2});
  for (int i = 0; i < 5; ++i) {
    monitor.RecordFailure("a", kFault);
    monitor.RecordSuccess("a");
  }
  EXPECT_EQ(monitor.SuspensionReason("a"), "");
  EXPECT_EQ(monitor.FaultsOf("a").count, 5u);
}

TEST(HookMonitorTest, StaysSuspendedUntilItIsResumed) {
  HookMonitor monitor({.failures_until_suspended = 1});
  monitor.RecordFailure("a", kFault);
  // A job that began before may still end well.
  monitor.RecordSuccess("a");
  EXPECT_THAT(monitor.SuspensionReason("a"), HasSubstr("suspended"));
  monitor.Resume("a");
  EXPECT_EQ(monitor.SuspensionReason("a"), "");
  monitor.Resume("never seen");
}

TEST(HookMonitorTest, RemembersTheLastFault) {
  HookMonitor monitor;
  EXPECT_TRUE(monitor.FaultsOf("a").last.ok());
  monitor.RecordFailure("a", kFault);
  monitor.RecordFailure("a", absl::DataLossError("numbers"));
  monitor.RecordSuccess("a");
  EXPECT_EQ(monitor.FaultsOf("a").last, absl::DataLossError("numbers"));
}

}  // namespace
}  // namespace patchbay
