#include "host/base/mapped_file.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "gtest/gtest.h"

namespace patchbay {
namespace {

std::string WriteTemporary(const std::string& name, const std::string& content) {
  const std::string path = testing::TempDir() + name;
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

TEST(MappedFileTest, ShowsTheContent) {
  const auto file = MappedFile::Open(WriteTemporary("mapped", "patchbay"));
  ASSERT_TRUE(file.ok()) << file.status();
  const auto bytes = (*file)->bytes();
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()), "patchbay");
}

TEST(MappedFileTest, AnEmptyFileIsEmpty) {
  const auto file = MappedFile::Open(WriteTemporary("mapped_empty", ""));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE((*file)->bytes().empty());
}

TEST(MappedFileTest, ForgottenBytesComeBack) {
  const std::string content(100000, 'x');
  const auto file = MappedFile::Open(WriteTemporary("mapped_forget", content));
  ASSERT_TRUE(file.ok()) << file.status();
  const auto bytes = (*file)->bytes();
  EXPECT_EQ(bytes[50000], std::byte{'x'});
  (*file)->Forget(bytes);
  EXPECT_EQ(bytes[50000], std::byte{'x'});
}

TEST(MappedFileTest, KnowsWhetherItsContentIsWhatItWas) {
  namespace fs = std::filesystem;
  const std::string path = WriteTemporary("mapped_stamp", "first");
  const auto time = fs::last_write_time(path);
  auto file = *MappedFile::Open(path);
  EXPECT_TRUE(file->CheckUnchanged().ok());
  // Another file in its place, and none: its own content is what it was.
  fs::rename(WriteTemporary("mapped_stamp_other", "other"), path);
  EXPECT_TRUE(file->CheckUnchanged().ok());
  file = *MappedFile::Open(path);
  fs::remove(path);
  EXPECT_TRUE(file->CheckUnchanged().ok());
  // Written to, also by somebody who sets the clock back.
  file = *MappedFile::Open(WriteTemporary("mapped_stamp", "first"));
  std::fstream(path, std::ios::in | std::ios::out | std::ios::binary) << "worst";
  fs::last_write_time(path, time);
  const absl::Status changed = file->CheckUnchanged();
  EXPECT_EQ(changed.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(changed.message().find(path), std::string::npos);
}

TEST(MappedFileTest, NamesTheMissingFile) {
  const auto file = MappedFile::Open("/nonexistent/file");
  EXPECT_EQ(file.status().code(), absl::StatusCode::kNotFound);
  EXPECT_NE(file.status().message().find("/nonexistent/file"), std::string::npos);
}

TEST(MappedFileTest, RefusesAFolder) {
  EXPECT_EQ(MappedFile::Open(testing::TempDir()).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(MappedFileTest, RefusesAPipeInsteadOfWaitingForIt) {
  const std::string path = testing::TempDir() + "mapped_pipe";
  std::filesystem::remove(path);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const absl::Status status = MappedFile::Open(path).status();
  std::filesystem::remove(path);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("a pipe"), std::string::npos);
}

}  // namespace
}  // namespace patchbay
