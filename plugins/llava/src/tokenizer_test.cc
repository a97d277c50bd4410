#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "plugins/llava/src/tokenizer_json.h"
#include "plugins/testing/refusal.h"

namespace llava {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Tokens 0 to 2 are special, 3 and 4 the bytes of "é".
json File() {
  return {{"added_tokens", {{{"id", 2}, {"content", "</s>"}}}},
          {"normalizer",
           {{"type", "Sequence"},
            {"normalizers",
             {{{"type", "Prepend"}, {"prepend", kSpace}},
              {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", kSpace}}}}}},
          {"pre_tokenizer", nullptr},
          {"model",
           {{"type", "BPE"},
            {"unk_token", "<unk>"},
            {"fuse_unk", true},
            {"byte_fallback", true},
            {"vocab",
             {{"<unk>", 0},
              {"<s>", 1},
              {"</s>", 2},
              {"<0xC3>", 3},
              {"<0xA9>", 4},
              {kSpace, 5},
              {"a", 6},
              {"b", 7},
              {"c", 8},
              {"ab", 9},
              {"bc", 10},
              {std::string(kSpace) + "ab", 11},
              {"abc", 12}}},
            {"merges", {"b c", "a b", std::string(kSpace) + " ab", "a bc"}}}}};
}

Tokenizer Read(const json& file) {
  return Tokenizer(ReadTokenizerJson(file.dump(), "tokenizer.json"));
}

std::string Refusal(const json& file) {
  return patchbay::Refusal([&] { Read(file); });
}

TEST(TokenizerTest, JoinsByRankAndNotFromTheLeft) {
  const Tokenizer tokenizer = Read(File());
  EXPECT_THAT(tokenizer.Encode("ab"), ElementsAre(11));
  // "bc" comes before "ab".
  EXPECT_THAT(tokenizer.Encode("abc"), ElementsAre(5, 12));
  EXPECT_THAT(tokenizer.Encode("a  ab"), ElementsAre(5, 6, 5, 11));
  EXPECT_THAT(tokenizer.Encode(""), IsEmpty());
  EXPECT_EQ(tokenizer.size(), 13);
}

TEST(TokenizerTest, UnknownCharactersAreBytesOrOneUnknownToken) {
  const Tokenizer tokenizer = Read(File());
  EXPECT_THAT(tokenizer.Encode("a\xc3\xa9"), ElementsAre(5, 6, 3, 4));
  EXPECT_THAT(tokenizer.Encode("xya"), ElementsAre(5, 0, 6));
  json apart = File();
  apart["model"]["fuse_unk"] = false;
  EXPECT_THAT(Read(apart).Encode("xya"), ElementsAre(5, 0, 0, 6));
}

TEST(TokenizerTest, ReadsMergesAsPairsAndMetaspace) {
  json file = File();
  file["normalizer"] = nullptr;
  file["pre_tokenizer"] = {
      {"type", "Metaspace"}, {"replacement", kSpace}, {"prepend_scheme", "first"}};
  file["model"]["merges"] = json::array({json::array({"a", "b"}), json::array({kSpace, "ab"})});
  const Tokenizer tokenizer = Read(file);
  EXPECT_THAT(tokenizer.Encode("ab ab"), ElementsAre(11, 11));
  // Nothing is put before what begins with a space.
  EXPECT_THAT(tokenizer.Encode(" ab"), ElementsAre(11));
  file["pre_tokenizer"]["prepend_scheme"] = "never";
  EXPECT_THAT(Read(file).Encode("ab"), ElementsAre(9));
}

TEST(TokenizerTest, RefusesOtherKinds) {
  json file = File();
  file["model"]["type"] = "Unigram";
  EXPECT_THAT(Refusal(file), HasSubstr("tokenizer.json has a model of the type \"Unigram\""));
  file = File();
  file["pre_tokenizer"] = {{"type", "ByteLevel"}};
  EXPECT_THAT(Refusal(file), HasSubstr("\"ByteLevel\" that is not known"));
  file = File();
  file["model"]["merges"].push_back("a d");
  EXPECT_THAT(Refusal(file), HasSubstr("\"d\", which is not in its vocabulary"));
  file = File();
  file["model"]["vocab"]["a"] = -1;
  EXPECT_THAT(Refusal(file), HasSubstr("number is none"));
  EXPECT_THAT(Refusal(json::array()), HasSubstr("no JSON object"));
}

}  // namespace
}  // namespace llava
