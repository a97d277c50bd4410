#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "host/runtime/prompt/test_tokenizer.h"
#include "host/runtime/prompt/tokenizer.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Ids: "ca" 512, "cat</w>" 513, start 514, end 515.
class TokenizerFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(::testing::TempDir()) / (std::string("tokenizer_") + test->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    const Tokenizer::Parts parts = BytePartsWith({{"c", "a"}, {"ca", "t</w>"}});
    for (const auto& [token, id] : parts.vocabulary) vocabulary_[token] = id;
    vocabulary_[parts.start] = 514;
    vocabulary_[parts.end] = 515;
  }
  void TearDown() override { fs::remove_all(folder_); }

  void Write(const char* name, const std::string& content) {
    std::ofstream(folder_ / name, std::ios::binary) << content;
  }
  void WriteVocabularyAndMerges() {
    Write("vocab.json", vocabulary_.dump());
    Write("merges.txt", "#version: 0.2\nc a\r\nca t</w>\n");
  }
  std::string Error() {
    const auto tokenizer = Tokenizer::FromFolder(folder_.string());
    EXPECT_EQ(tokenizer.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(tokenizer.status().message());
  }

  fs::path folder_;
  Json vocabulary_ = Json::object();
};

TEST_F(TokenizerFilesTest, ReadsVocabularyAndMerges) {
  WriteVocabularyAndMerges();
  const auto tokenizer = Tokenizer::FromFolder(folder_.string());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_THAT(tokenizer->Encode("cat <|endoftext|>"), ElementsAre(513, 515));
  EXPECT_EQ(tokenizer->pad_id(), 515);
  EXPECT_EQ(tokenizer->max_length(), 77);
}

// The map wins over the configuration.
TEST_F(TokenizerFilesTest, ReadsSpecialTokensAndLength) {
  WriteVocabularyAndMerges();
  Write("tokenizer_config.json",
        R"({"pad_token": "<|endoftext|>", "bos_token": "cat</w>", "model_max_length": 20})");
  Write("special_tokens_map.json", R"({"pad_token": {"content": "!"}})");
  const auto tokenizer = Tokenizer::FromFolder(folder_.string());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_EQ(tokenizer->pad_id(), 0);
  EXPECT_EQ(tokenizer->start_id(), 513);
  EXPECT_EQ(tokenizer->max_length(), 20);
}

TEST_F(TokenizerFilesTest, IgnoresLengthsThatMeanNoLimit) {
  WriteVocabularyAndMerges();
  Write("tokenizer_config.json", R"({"model_max_length": 1000000000000000019884624838656})");
  EXPECT_EQ(Tokenizer::FromFolder(folder_.string())->max_length(), 77);
}

TEST_F(TokenizerFilesTest, ReadsTokenizerJson) {
  const Json json = {
      {"added_tokens", {{{"id", 515}, {"content", "<|endoftext|>"}, {"normalized", false}}}},
      {"model",
       {{"type", "BPE"}, {"vocab", vocabulary_}, {"merges", {"c a", Json({"ca", "t</w>"})}}}}};
  Write("tokenizer.json", json.dump());
  const auto tokenizer = Tokenizer::FromFolder(folder_.string());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_THAT(tokenizer->Encode("cat<|endoftext|>"), ElementsAre(513, 515));
}

TEST_F(TokenizerFilesTest, NamesWhatIsMissing) {
  const auto tokenizer = Tokenizer::FromFolder(folder_.string());
  EXPECT_EQ(tokenizer.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(tokenizer.status().message()), HasSubstr("vocab.json and merges.txt"));
  EXPECT_EQ(Tokenizer::FromMergeListFile((folder_ / "none.gz").string()).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(TokenizerFilesTest, NamesWhatIsWrong) {
  WriteVocabularyAndMerges();
  Write("vocab.json", "[]");
  EXPECT_THAT(Error(), HasSubstr("vocab.json is not a JSON object"));
  Write("vocab.json", R"({"a": 5})");
  EXPECT_THAT(Error(), HasSubstr("the id of \"a\""));
  Write("vocab.json", vocabulary_.dump());
  Write("merges.txt", "#version\nc a t\n");
  EXPECT_THAT(Error(), HasSubstr("merges.txt: line 2"));
  Write("merges.txt", "d og\n");
  EXPECT_THAT(Error(), HasSubstr("merge 1 (\"d\" \"og\")"));
}

TEST_F(TokenizerFilesTest, ReadsClipsMergeList) {
  const std::string path = (folder_ / "merges.gz").string();
  gzFile file = gzopen(path.c_str(), "wb");
  gzputs(file, "\"a title line\"\nc a\nca t</w>\n");
  gzclose(file);
  const auto tokenizer = Tokenizer::FromMergeListFile(path);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_EQ(tokenizer->vocabulary_size(), 516);
  EXPECT_THAT(tokenizer->Encode("a cat<|endoftext|>"), ElementsAre(LastId('a'), 513, 515));

  // The first of the tokens and the special ones.
  const auto smaller = Tokenizer::FromMergeListFile(path, 515);
  ASSERT_TRUE(smaller.ok()) << smaller.status();
  EXPECT_EQ(smaller->vocabulary_size(), 515);
  EXPECT_THAT(smaller->Encode("ca<|endoftext|>"), ElementsAre('c' - '!', LastId('a'), 514));
  EXPECT_FALSE(Tokenizer::FromMergeListFile(path, 513).ok());
  EXPECT_FALSE(Tokenizer::FromMergeListFile(path, 49409).ok());

  // Cut off.
  fs::resize_file(path, fs::file_size(path) - 6);
  EXPECT_EQ(Tokenizer::FromMergeListFile(path).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace patchbay
