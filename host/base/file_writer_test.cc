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

}  // namespace
}  // namespace patchbay
