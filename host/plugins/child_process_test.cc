#include "host/plugins/child_process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace patchbay {
namespace {

using testing::HasSubstr;

absl::StatusOr<ChildResult> Shell(const std::string& script,
                                  std::chrono::milliseconds time = std::chrono::seconds(20),
                                  size_t bytes = 1000) {
  return RunChild({"/bin/sh", "-c", script}, {"NAME=value"}, {time, bytes});
}

// Also false for one that has ended and that nobody has waited for.
bool IsRunning(int id) {
  std::ifstream stat("/proc/" + std::to_string(id) + "/stat");
  std::string number, name, state;
  return static_cast<bool>(stat >> number >> name >> state) && state != "Z";
}

TEST(ChildProcessTest, GivesOutputErrorsAndStatus) {
  const auto result = Shell("echo out $NAME; echo err >&2; exit 3");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->output, "out value\n");
  EXPECT_EQ(result->errors, "err\n");
  EXPECT_EQ(WEXITSTATUS(result->wait_status), 3);
}

TEST(ChildProcessTest, SaysWhichSignalEndedIt) {
  const auto result = Shell("kill -SEGV $$");
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_TRUE(WIFSIGNALED(result->wait_status));
  EXPECT_EQ(WTERMSIG(result->wait_status), SIGSEGV);
}

TEST(ChildProcessTest, KillsTheWholeGroupWhenTheTimeIsOver) {
  const auto begin = std::chrono::steady_clock::now();
  // The inner process has the pipe open too.
  const std::string note = testing::TempDir() + "child_process_" + std::to_string(getpid());
  const auto result =
      Shell("sleep 60 & echo $! > " + note + "; sleep 60", std::chrono::milliseconds(500));
  EXPECT_EQ(result.status().code(), absl::StatusCode::kDeadlineExceeded);
  int inner = 0;
  std::ifstream(note) >> inner;
  ASSERT_GT(inner, 0);
  while (IsRunning(inner) && std::chrono::steady_clock::now() - begin < std::chrono::seconds(20)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_FALSE(IsRunning(inner));
}

TEST(ChildProcessTest, StopsAChildThatWritesTooMuch) {
  const auto result = Shell("while true; do echo 0123456789; done");
  EXPECT_EQ(result.status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(ChildProcessTest, DropsErrorsBeyondTheLimit) {
  const auto result = Shell("head -c 100000 /dev/zero >&2; echo end");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->output, "end\n");
  EXPECT_LE(result->errors.size(), 1001);
}

TEST(ChildProcessTest, InheritsNoDescriptors) {
  const int secret = open("/dev/null", O_RDONLY);
  ASSERT_GE(secret, 0);
  const int copy = fcntl(secret, F_DUPFD, 50);
  const auto result = Shell("ls /proc/self/fd | sort -n | tail -1");
  close(copy);
  close(secret);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_LT(std::stoi(result->output), 20) << result->output;
}

}  // namespace
}  // namespace patchbay
