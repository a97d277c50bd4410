#include "host/runtime/prompt/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/runtime/prompt/test_tokenizer.h"

namespace patchbay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// The merges are 512 and 513; start and end follow.
constexpr int32_t kCat = 513;
constexpr int32_t kStart = 514;
constexpr int32_t kEnd = 515;

Tokenizer CatTokenizer() {
  return *Tokenizer::Create(BytePartsWith({{"c", "a"}, {"ca", "t</w>"}}));
}

TEST(TokenizerTest, EncodesText) {
  const Tokenizer tokenizer = CatTokenizer();
  EXPECT_EQ(tokenizer.vocabulary_size(), 516);
  EXPECT_EQ(tokenizer.start_id(), kStart);
  EXPECT_EQ(tokenizer.end_id(), kEnd);
  EXPECT_EQ(tokenizer.pad_id(), kEnd);
  EXPECT_EQ(tokenizer.max_length(), 77);
  EXPECT_EQ(tokenizer.IdOf("cat</w>"), kCat);
  EXPECT_EQ(tokenizer.IdOf("dog</w>"), -1);
  EXPECT_THAT(tokenizer.Encode(""), IsEmpty());
  EXPECT_THAT(tokenizer.Encode(" A  CAT, "), ElementsAre(LastId('a'), kCat, LastId(',')));
  // Inside a word "ca" is a token of its own.
  EXPECT_THAT(tokenizer.Encode("cab"), ElementsAre(512, LastId('b')));
}

// é is C3 A9: the 1-based places in CLIP's order are 94 + (0xC3 - 0xA1), minus one for the missing
// 0xAD, and 94 + (0xA9 - 0xA1).
TEST(TokenizerTest, EncodesBytesOfOtherLetters) {
  EXPECT_THAT(CatTokenizer().Encode("É"),
              ElementsAre(94 + 0xC3 - 0xA1 - 1, 256 + 94 + 0xA9 - 0xA1));
  EXPECT_EQ(CatTokenizer().Encode("\xFF"), CatTokenizer().Encode("\uFFFD"));
}

TEST(TokenizerTest, FindsSpecialTokensInText) {
  const Tokenizer tokenizer = CatTokenizer();
  EXPECT_THAT(tokenizer.Encode("cat<|endoftext|>cat"), ElementsAre(kCat, kEnd, kCat));
  EXPECT_THAT(tokenizer.Encode("<|startoftext|> <|endoftext|>"), ElementsAre(kStart, kEnd));
  // Not the special token: it is looked for in the text as given.
  EXPECT_THAT(tokenizer.Encode("<|ENDOFTEXT|>"), Not(ElementsAre(kEnd)));
  const std::vector<int32_t> plain = tokenizer.WithoutSpecialTokens().Encode("<|endoftext|>");
  EXPECT_EQ(plain.size(), std::string("<|endoftext|>").size());
  EXPECT_EQ(plain.front(), LetterId('<'));
}

TEST(TokenizerTest, FindsNormalizedTokensInCleanText) {
  Tokenizer::Parts parts = BytePartsWith({});
  for (AddedToken& token : parts.added) token.normalized = true;
  const Tokenizer tokenizer = *Tokenizer::Create(parts);
  EXPECT_THAT(tokenizer.Encode("<|ENDOFTEXT|>"), ElementsAre(tokenizer.end_id()));
}

TEST(TokenizerTest, FindsTheLongestAddedToken) {
  const Tokenizer tokenizer = CatTokenizer().WithAddedTokens({"<Toy>", "<toy>s", ""});
  EXPECT_EQ(tokenizer.vocabulary_size(), 516);
  EXPECT_THAT(tokenizer.Encode("cat<TOY>cat"), ElementsAre(kCat, 516, kCat));
  EXPECT_THAT(tokenizer.Encode("<toy>s <toy>"), ElementsAre(517, 516));
}

TEST(TokenizerTest, CleansAsAsked) {
  const Tokenizer tokenizer = CatTokenizer();
  EXPECT_THAT(tokenizer.Encode("&lt;", TextCleaning::kOpenClip), ElementsAre(LastId('<')));
  EXPECT_THAT(tokenizer.Encode("&lt;"),
              ElementsAre(LastId('&'), LetterId('l'), LastId('t'), LastId(';')));
}

TEST(TokenizerTest, Decodes) {
  const Tokenizer tokenizer = CatTokenizer();
  EXPECT_EQ(tokenizer.Decode(tokenizer.Encode("A cab,  CAT é")), "a cab , cat é");
  EXPECT_EQ(tokenizer.Decode({}), "");
  EXPECT_EQ(tokenizer.Decode({-1, 100'000, kCat}), "cat");
  // Half a letter.
  EXPECT_EQ(tokenizer.Decode({94 + 0xC3 - 0xA1 - 1}), "\uFFFD");
}

TEST(TokenizerTest, ChangesThePadding) {
  EXPECT_EQ(CatTokenizer().WithPad(0).pad_id(), 0);
  EXPECT_EQ(CatTokenizer().WithPad(0).end_id(), kEnd);
}

TEST(TokenizerTest, RefusesWrongParts) {
  const auto error = [](const Tokenizer::Parts& parts) {
    const auto tokenizer = Tokenizer::Create(parts);
    EXPECT_EQ(tokenizer.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(tokenizer.status().message());
  };
  Tokenizer::Parts parts = BytePartsWith({});
  parts.start = "<s>";
  EXPECT_THAT(error(parts), HasSubstr("start token \"<s>\""));
  parts = BytePartsWith({});
  parts.added[0].id = 600;
  EXPECT_THAT(error(parts), HasSubstr("the id 600"));
  parts = BytePartsWith({});
  parts.vocabulary[parts.end] = 513;
  parts.added[1].id = 100'000;
  EXPECT_THAT(error(parts), HasSubstr("the id 100000"));
  parts = BytePartsWith({});
  parts.max_length = 2;
  EXPECT_THAT(error(parts), HasSubstr("2 tokens"));
}

TEST(TokenizerTest, TakesLongTextInLinearSpaceAndTime) {
  const Tokenizer tokenizer = CatTokenizer();
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "cat ";
  EXPECT_EQ(tokenizer.Encode(text), std::vector<int32_t>(20'000, kCat));
  EXPECT_EQ(tokenizer.Encode(std::string(200'000, 'b')).size(), 200'000u);
}

}  // namespace
}  // namespace patchbay
