#include "host/runtime/prompt/wildcards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "host/runtime/prompt/prompt.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class WildcardsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    outside_ = fs::path(::testing::TempDir()) / (std::string("wildcards_") + test->name());
    fs::remove_all(outside_);
    folder_ = outside_ / "inside";
    fs::create_directories(folder_ / "animals");
    Write(folder_ / "digit.txt", "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n");
    Write(folder_ / "animals" / "cats.txt", "lynx\n");
  }
  void TearDown() override { fs::remove_all(outside_); }

  static void Write(const fs::path& path, std::string_view content) {
    std::ofstream(path, std::ios::binary) << content;
  }

  std::string Expand(std::string_view text, uint64_t seed = 0) {
    const auto result = ExpandWildcards(text, folder_.string(), seed);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value_or("failed");
  }

  absl::Status Error(std::string_view text) {
    return ExpandWildcards(text, folder_.string(), 0).status();
  }

  fs::path outside_;
  fs::path folder_;
};

// SplitMix64 gives 6457827717110365317, 3203168211198807973, 9817491932198370423,
// 4593380528125082431 and 16408922859458223821 for the seed 1234567 (the numbers published with the
// algorithm's task on Rosetta Code), that is 0.350, 0.173, 0.532, 0.249 and 0.889 of 2^64.
TEST_F(WildcardsTest, ChoosesByTheDocumentedRule) {
  EXPECT_EQ(Expand("__digit__ __digit__ __digit__ __digit__ __digit__", 1234567), "3 1 5 2 8");
  EXPECT_EQ(Expand("__digit__,x", 1234567), "3,x");
}

TEST_F(WildcardsTest, ReplacesOnlyNames) {
  EXPECT_EQ(Expand("a __animals/cats__ b"), "a lynx b");
  EXPECT_EQ(Expand("a__animals/cats____animals/cats__b"), "alynxlynxb");
  EXPECT_EQ(Expand("___animals/cats___"), "_lynx_");
  for (const char* const text :
       {"", "a_b", "__", "____", "__a b__", "_____", "__x", "a __ b __ c"}) {
    EXPECT_EQ(Expand(text), text);
  }
}

TEST_F(WildcardsTest, SkipsCommentsBlankLinesAndMarks) {
  Write(folder_ / "hair_color.txt", "\xEF\xBB\xBF# colours\r\n\r\n  \t\r\n  red hair \r\n#blue");
  for (uint64_t seed = 0; seed < 20; ++seed) EXPECT_EQ(Expand("__hair_color__", seed), "red hair");
}

// The nested wildcard takes the second number (0.173), the one after it the third (0.532).
TEST_F(WildcardsTest, ReplacesNestedWildcardsInReadingOrder) {
  Write(folder_ / "pair.txt", "<__digit__>");
  EXPECT_EQ(Expand("__pair____digit__", 1234567), "<1>5");
}

TEST_F(WildcardsTest, LimitsNesting) {
  Write(folder_ / "self.txt", "a __self__");
  const absl::Status status = Error("__self__");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("self > self"));
  // Only nesting counts, not how many there are.
  std::string many;
  for (int i = 0; i < 2 * kMaxWildcardDepth; ++i) many += "__animals/cats__";
  EXPECT_EQ(Expand(many).size(), 2 * kMaxWildcardDepth * std::string("lynx").size());
  // Each step doubles: stopped by the number of choices, not after 2^16 of them.
  for (int i = 0; i < 16; ++i) {
    Write(folder_ / ("n" + std::to_string(i) + ".txt"),
          "__n" + std::to_string(i + 1) + "__ __n" + std::to_string(i + 1) + "__");
  }
  EXPECT_EQ(Error("__n0__").code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(WildcardsTest, NamesWhatExists) {
  const absl::Status status = Error("__dgit__");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("__dgit__"), HasSubstr("animals/cats, digit")));
  EXPECT_EQ(Error("__animals__").code(), absl::StatusCode::kNotFound);
  const auto nowhere = ExpandWildcards("__a__", (outside_ / "none").string(), 0);
  EXPECT_EQ(nowhere.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(nowhere.status().message()), HasSubstr("no wildcard folder"));
  EXPECT_EQ(ExpandWildcards("no wildcard", "", 0).value_or("failed"), "no wildcard");
}

TEST_F(WildcardsTest, StaysInTheFolder) {
  Write(outside_ / "secret.txt", "secret\n");
  Write(folder_ / "real.txt", "real\n");
  fs::create_symlink(outside_ / "secret.txt", folder_ / "link.txt");
  fs::create_directory_symlink(outside_, folder_ / "linked");
  fs::create_symlink(folder_ / "real.txt", folder_ / "inner.txt");
  const std::vector<std::string> names = {
      "../secret", "../nothing",    "animals/../../secret",
      "link",      "linked/secret", (outside_ / "secret").string()};
  for (const std::string& name : names) {
    const absl::Status status = Error("__" + name + "__");
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_THAT(std::string(status.message()), HasSubstr("leads out")) << name;
  }
  EXPECT_EQ(Expand("__inner__"), "real");
}

TEST_F(WildcardsTest, RefusesWhatIsNoText) {
  Write(folder_ / "binary.txt", std::string_view("a\0b\n", 4));
  EXPECT_THAT(std::string(Error("__binary__").message()), HasSubstr("zero byte"));
}

TEST_F(WildcardsTest, ListsFilesOnly) {
  fs::create_directories(folder_ / "folder.txt");
  EXPECT_THAT(std::string(Error("__dgit__").message()), HasSubstr("are: animals/cats, digit"));
  EXPECT_EQ(std::string(Error("__dgit__").message()).find("folder"), std::string::npos);
}

TEST_F(WildcardsTest, LimitsSizes) {
  Write(folder_ / "empty.txt", "# nothing\n");
  EXPECT_THAT(std::string(Error("__empty__").message()), HasSubstr("no line"));
  Write(folder_ / "large.txt", std::string(kMaxWildcardFileBytes + 1, 'a'));
  EXPECT_THAT(std::string(Error("__large__").message()), HasSubstr("larger than"));
  Write(folder_ / "long.txt", std::string(kMaxPromptBytes, 'a'));
  EXPECT_EQ(Expand("__long__").size(), kMaxPromptBytes);
  EXPECT_EQ(Error("__long__ ").code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace patchbay
