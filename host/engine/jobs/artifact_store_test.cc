#include "host/engine/jobs/artifact_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "host/base/mapped_file.h"
#include "host/engine/jobs/error_reason.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;
using testing::UnorderedElementsAre;

// FIPS 180-4's example, as NIST publishes it.
constexpr char kAbc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

class ArtifactStoreTest : public testing::Test {
 protected:
  void SetUp() override { fs::remove_all(folder_); }
  void TearDown() override { fs::remove_all(folder_); }

  std::unique_ptr<ArtifactStore> Open(const ArtifactLimits& limits = {}) {
    auto store = ArtifactStore::Open(folder_, limits);
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }

  std::vector<std::string> Files() const {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
      if (entry.is_regular_file()) files.push_back(entry.path().filename());
    }
    return files;
  }

  const std::string folder_ = testing::TempDir() + "/artifacts-" +
                              testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(ArtifactStoreTest, NamesFilesByTheirSha256) {
  const auto store = Open();
  const auto artifact = store->Put("abc");
  ASSERT_TRUE(artifact.ok()) << artifact.status();
  EXPECT_EQ(artifact->id, kAbc);
  std::ifstream file(*store->PathOf(kAbc));
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "abc");
}

TEST_F(ArtifactStoreTest, KeepsEqualContentsOnce) {
  const auto store = Open();
  ASSERT_TRUE(store->Put("abc").ok());
  ASSERT_TRUE(store->Put("abc").ok());
  EXPECT_THAT(Files(), UnorderedElementsAre(kAbc, absl::StrCat(kAbc, ".asked-for")));
  EXPECT_EQ(store->stored_bytes(), 3u);
}

TEST_F(ArtifactStoreTest, LeavesNothingOfWhatWasNotFinished) {
  const auto store = Open();
  {
    const auto writer = store->Begin(10);
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->Append("abc").ok());
    EXPECT_EQ(store->stored_bytes(), 3u);
    EXPECT_EQ((*writer)->Finish().status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_TRUE(Files().empty());
  EXPECT_EQ(store->stored_bytes(), 0u);
}

TEST_F(ArtifactStoreTest, RefusesMoreThanAnnouncedAndAnotherDigest) {
  const auto store = Open();
  {
    const auto writer = store->Begin(3);
    EXPECT_EQ((*writer)->Append("abcd").code(), absl::StatusCode::kInvalidArgument);
  }
  const auto writer = store->Begin(3);
  ASSERT_TRUE((*writer)->Append("abd").ok());
  const absl::Status status = (*writer)->Finish(kAbc).status();
  EXPECT_EQ(DetailsOf(status).reason, error_reason::kArtifactDamaged);
}

TEST_F(ArtifactStoreTest, ChecksSizesBeforeAnythingIsWritten) {
  const auto store = Open({.max_artifact_bytes = 10, .max_store_bytes = 12});
  EXPECT_EQ(DetailsOf(store->Begin(11).status()).reason, error_reason::kArtifactTooLarge);
  EXPECT_EQ(store->Begin(0).status().code(), absl::StatusCode::kInvalidArgument);
  const auto first = store->Begin(10);
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE((*first)->Append("1234567890").ok());
  EXPECT_EQ(DetailsOf(store->Begin(3).status()).reason, error_reason::kStoreFull);
  EXPECT_TRUE(store->Begin(2).ok());
}

TEST_F(ArtifactStoreTest, WhatIsOnlyAnnouncedKeepsNobodyOut) {
  const auto store = Open({.max_artifact_bytes = 10, .max_store_bytes = 12});
  const auto idle = store->Begin(10);
  ASSERT_TRUE(idle.ok());
  EXPECT_TRUE(store->Put("1234567890").ok());
  // Too late: nothing of it is written, and what had come goes with the writer.
  EXPECT_TRUE((*idle)->Append("12").ok());
  EXPECT_EQ(DetailsOf((*idle)->Append("3")).reason, error_reason::kStoreFull);
  EXPECT_EQ(store->stored_bytes(), 12u);
}

TEST_F(ArtifactStoreTest, TakesOnlyWellFormedIds) {
  const auto store = Open();
  ASSERT_TRUE(store->Put("abc").ok());
  std::ofstream(folder_ + "/secret") << "x";
  for (const std::string id : {"", "secret", "../secret", "ba/../secret", "BA7816BF"}) {
    EXPECT_EQ(store->Find(id).status().code(), absl::StatusCode::kNotFound) << id;
  }
  std::string upper(kAbc);
  upper[0] = 'B';
  EXPECT_FALSE(store->PathOf(upper).ok());
}

TEST_F(ArtifactStoreTest, RemovesWhatAFormerProcessLeftUnfinished) {
  Open();
  std::ofstream(folder_ + "/unfinished/half") << "x";
  const auto store = Open();
  EXPECT_TRUE(Files().empty());
  EXPECT_EQ(store->stored_bytes(), 0u);
}

TEST_F(ArtifactStoreTest, RemovesOnlyWhatIsUnusedAndOld) {
  const auto store = Open();
  const std::string kept = store->Put("kept")->id;
  const std::string unused = store->Put("unused")->id;
  const auto is_used = [&](const std::string& id) { return id == kept; };
  EXPECT_EQ(*store->RemoveUnused(is_used, absl::Now() - absl::Hours(1)), 0);
  EXPECT_EQ(*store->RemoveUnused(is_used, absl::Now() + absl::Hours(1)), 1);
  EXPECT_TRUE(store->Find(kept).ok());
  EXPECT_FALSE(store->Find(unused).ok());
  EXPECT_EQ(store->stored_bytes(), 4u);
}

TEST_F(ArtifactStoreTest, RemovesWhatNobodyElseHasAskedFor) {
  const auto store = Open();
  const Artifact own = *store->Put("own");
  const absl::Time stored = absl::Now() + absl::Seconds(1);
  const Artifact shared = *store->Put("shared");
  EXPECT_FALSE(own.was_there);
  EXPECT_TRUE(store->Put("shared")->was_there);
  store->RemoveUntouched(shared.id, absl::Now() - absl::Hours(1));  // before it was asked for again
  store->RemoveUntouched(own.id, stored);
  store->RemoveUntouched(own.id, stored);  // is there no more
  store->RemoveUntouched("../own", stored);
  EXPECT_FALSE(store->Find(own.id).ok());
  EXPECT_TRUE(store->Find(shared.id).ok());
  EXPECT_EQ(store->stored_bytes(), 6u);
}

TEST_F(ArtifactStoreTest, AskingDoesNotChangeTheFileForThoseWhoHaveItOpen) {
  const auto store = Open();
  const std::string id = store->Put("abc")->id;
  const auto file = MappedFile::Open(*store->PathOf(id));
  ASSERT_TRUE(file.ok());
  absl::SleepFor(absl::Milliseconds(20));  // times of files are no finer than this
  const absl::Time later = absl::Now();
  absl::SleepFor(absl::Milliseconds(20));
  ASSERT_TRUE(store->Find(id).ok());
  ASSERT_TRUE(store->Put("abc").ok());
  const absl::Status unchanged = (*file)->CheckUnchanged();
  EXPECT_TRUE(unchanged.ok()) << unchanged;
  // It has been asked for nevertheless, also for the next process.
  const auto next = Open();
  EXPECT_EQ(*next->RemoveUnused([](const std::string&) { return false; }, later), 0);
  EXPECT_EQ(*next->RemoveUnused([](const std::string&) { return false; }, absl::Now()), 1);
  EXPECT_TRUE(Files().empty());
}

}  // namespace
}  // namespace patchbay
