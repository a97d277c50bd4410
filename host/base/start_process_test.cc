#include "host/base/start_process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace patchbay {
namespace {

using testing::HasSubstr;

// What a script writes, having a pipe as its standard output and as descriptor 5.
std::string OutputOf(const std::string& script, const std::vector<std::string>& environment = {}) {
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const GivenDescriptor given[] = {{ends[1], STDOUT_FILENO}, {ends[1], 5}};
  const auto id = StartProcess({"/bin/sh", "-c", script}, environment, given);
  EXPECT_TRUE(id.ok()) << id.status();
  close(ends[1]);
  std::string output;
  char block[1000];
  for (ssize_t count = 0; (count = read(ends[0], block, sizeof(block))) > 0;) {
    output.append(block, static_cast<size_t>(count));
  }
  close(ends[0]);
  EXPECT_EQ(waitpid(id.value_or(-1), nullptr, 0), id.value_or(-1));
  return output;
}

TEST(StartProcessTest, HasTheGivenDescriptorsAlone) {
  const int secret = open("/dev/zero", O_RDONLY);
  const int at_4 = fcntl(secret, F_DUPFD, 4);
  const int at_50 = fcntl(secret, F_DUPFD, 50);
  const std::string output = OutputOf(
      "for f in 0 1 2 3 4 5 6 50; do readlink /proc/$$/fd/$f || echo none; done | sed s/:.*//");
  for (const int descriptor : {secret, at_4, at_50}) close(descriptor);
  EXPECT_EQ(output, "/dev/null\npipe\n/dev/null\nnone\nnone\npipe\nnone\nnone\n");
}

TEST(StartProcessTest, HasTheGivenEnvironmentAlone) {
  EXPECT_EQ(OutputOf("echo \"$NAME.$HOME.\"", {"NAME=value"}), "value..\n");
}

TEST(StartProcessTest, LeadsAGroupOfItsOwn) {
  EXPECT_EQ(OutputOf("set -- $(cut -d')' -f2 /proc/$$/stat); [ $3 = $$ ] && echo own"), "own\n");
}

TEST(StartProcessTest, SaysWhatCannotBeStarted) {
  const auto id = StartProcess({"/no/such/program"}, {}, {});
  EXPECT_EQ(id.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(id.status().message(), HasSubstr("/no/such/program"));
}

}  // namespace
}  // namespace patchbay
