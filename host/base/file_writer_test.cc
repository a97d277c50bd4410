#include "host/base/file_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "gtest/gtest.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

std::string ReadBack(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

size_t FilesIn(const fs::path& folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), {}));
}

class FileWriterTest : public testing::Test {
 protected:
  FileWriterTest() : folder_(fs::path(testing::TempDir()) / "file_writer_test") {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~FileWriterTest() override { fs::remove_all(folder_); }
  fs::path folder_;
};

TEST_F(FileWriterTest, WritesThePartsInOrder) {
  const std::string path = folder_ / "out";
  ASSERT_TRUE(WriteFileAtomically(path, {"one ", "two"}).ok());
  EXPECT_EQ(ReadBack(path), "one two");
  EXPECT_EQ(FilesIn(folder_), 1);
}

TEST_F(FileWriterTest, ReplacesAnOldFile) {
  const std::string path = folder_ / "out";
  ASSERT_TRUE(WriteFileAtomically(path, {"old and long"}).ok());
  ASSERT_TRUE(WriteFileAtomically(path, {"new"}).ok());
  EXPECT_EQ(ReadBack(path), "new");
}

TEST_F(FileWriterTest, LeavesNothingWhenTheTargetCannotBeReplaced) {
  const fs::path target = folder_ / "taken";
  fs::create_directories(target / "child");
  const absl::Status status = WriteFileAtomically(target, {"content"});
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find("taken"), std::string::npos);
  EXPECT_EQ(FilesIn(folder_), 1);
}

TEST_F(FileWriterTest, NamesTheFileWhenTheFolderIsMissing) {
  const absl::Status status = WriteFileAtomically(folder_ / "missing" / "out", {"content"});
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_NE(status.message().find("missing"), std::string::npos);
}

TEST_F(FileWriterTest, WritesIntoAPipeInsteadOfReplacingIt) {
  const std::string path = folder_ / "pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const int reader = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  EXPECT_TRUE(WriteFileAtomically(path, {"one ", "two"}).ok());
  char content[16] = {};
  EXPECT_EQ(read(reader, content, sizeof(content)), 7);
  close(reader);
  EXPECT_STREQ(content, "one two");
  EXPECT_TRUE(fs::is_fifo(path));
}

TEST_F(FileWriterTest, DoesNotWaitForAPipesReader) {
  const std::string path = folder_ / "pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const absl::Status status = WriteFileAtomically(path, {"content"});
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("nobody reads"), std::string::npos);
}

TEST_F(FileWriterTest, WritesWhereALinkLeads) {
  fs::create_directories(folder_ / "elsewhere");
  fs::create_symlink("elsewhere/target", folder_ / "link");
  const std::string path = folder_ / "link";
  for (const char* content : {"first", "second"}) {
    ASSERT_TRUE(WriteFileAtomically(path, {content}).ok());
    EXPECT_TRUE(fs::is_symlink(path));
    EXPECT_EQ(ReadBack(folder_ / "elsewhere" / "target"), content);
    EXPECT_EQ(FilesIn(folder_ / "elsewhere"), 1);
  }
  fs::create_symlink("loop", folder_ / "loop");
  EXPECT_FALSE(WriteFileAtomically(folder_ / "loop", {"content"}).ok());
}

TEST_F(FileWriterTest, KeepsThePermissionsOfTheFileItReplaces) {
  const auto mode = [this] { return fs::status(folder_ / "out").permissions(); };
  const std::string path = folder_ / "out";
  const mode_t mask = umask(027);
  ASSERT_TRUE(WriteFileAtomically(path, {"new"}).ok());
  umask(mask);
  EXPECT_EQ(mode(), fs::perms(0640));
  fs::permissions(path, fs::perms(0604));
  ASSERT_TRUE(WriteFileAtomically(path, {"newer"}).ok());
  EXPECT_EQ(mode(), fs::perms(0604));
}

TEST_F(FileWriterTest, TakesNamesAsLongAsThereAre) {
  const std::string longest(255, 'x');
  EXPECT_TRUE(CheckWritable(folder_ / longest).ok());
  EXPECT_TRUE(WriteFileAtomically(folder_ / longest, {"content"}).ok());
  EXPECT_FALSE(CheckWritable(folder_ / (longest + "x")).ok());
}

TEST_F(FileWriterTest, ChecksWithoutTouching) {
  EXPECT_TRUE(CheckWritable(folder_ / "new").ok());
  EXPECT_EQ(FilesIn(folder_), 0);
  const std::string old = folder_ / "old";
  std::ofstream(old) << "content";
  EXPECT_TRUE(CheckWritable(old).ok());
  EXPECT_EQ(ReadBack(old), "content");
  EXPECT_EQ(CheckWritable(folder_).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CheckWritable(folder_ / "missing" / "out").code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(CheckWritable("").ok());
  EXPECT_FALSE(CheckWritable("/proc/picture.png").ok());  // takes no files, even root's
  EXPECT_TRUE(CheckWritable("/dev/null").ok());
}

TEST_F(FileWriterTest, RemovesWhatAKilledProcessLeft) {
  ASSERT_TRUE(WriteFileAtomically(folder_ / "kept", {"x"}).ok());
  ASSERT_TRUE(WriteFileAtomically(folder_ / "kept.partial", {"x"}).ok());
  ASSERT_TRUE(WriteFileAtomically(folder_ / ".0badcafe.partial", {"x"}).ok());
  RemoveAbandonedTemporaries(folder_);
  EXPECT_EQ(FilesIn(folder_), 2u);
  EXPECT_FALSE(fs::exists(folder_ / ".0badcafe.partial"));
  RemoveAbandonedTemporaries(folder_ / "missing");
}

TEST_F(FileWriterTest, KnowsWhatLeadsToTheSameFile) {
  fs::create_symlink("out", folder_ / "link");
  const std::string path = folder_ / "out";
  EXPECT_TRUE(LeadToSameFile(path, path));
  EXPECT_TRUE(LeadToSameFile(path, folder_ / "link"));
  EXPECT_TRUE(LeadToSameFile(path, folder_ / ".." / folder_.filename() / "out"));
  EXPECT_FALSE(LeadToSameFile(path, folder_ / "other"));
  EXPECT_FALSE(LeadToSameFile("/dev/null", "/dev/null"));
}

}  // namespace
}  // namespace patchbay
