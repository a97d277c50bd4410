#include "host/runtime/prompt/unicode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace patchbay {
namespace {

// One U+FFFD per byte that belongs to no well-formed sequence.
TEST(UnicodeTest, ReplacesMalformedBytes) {
  EXPECT_EQ(ReplaceMalformedUtf8("a猫é"), "a猫é");
  EXPECT_EQ(ReplaceMalformedUtf8("a\xFF"
                                 "b\xC3"),
            "a\uFFFDb\uFFFD");
  EXPECT_EQ(ReplaceMalformedUtf8("\xE7\x8C"), "\uFFFD\uFFFD");            // cut off
  EXPECT_EQ(ReplaceMalformedUtf8("\xC0\x80"), "\uFFFD\uFFFD");            // overlong
  EXPECT_EQ(ReplaceMalformedUtf8("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");  // surrogate
  EXPECT_EQ(ReplaceMalformedUtf8(std::string_view("\0", 1)), std::string(1, '\0'));
}

TEST(UnicodeTest, ReadsAndWritesCodePoints) {
  const std::string text = "aé猫\U0001F408";
  std::string copy;
  std::vector<char32_t> code_points;
  for (size_t position = 0; position < text.size();) {
    code_points.push_back(NextCodePoint(text, position));
    AppendUtf8(code_points.back(), copy);
  }
  EXPECT_THAT(code_points, ::testing::ElementsAre(U'a', U'é', U'猫', U'\U0001F408'));
  EXPECT_EQ(copy, text);
}

TEST(UnicodeTest, KnowsCategories) {
  for (const char32_t c : {U'a', U'É', U'猫', U'ª', U'ʰ'}) EXPECT_TRUE(IsLetter(c));
  for (const char32_t c : {U'1', U'_', U'\u0301', U' '}) EXPECT_FALSE(IsLetter(c));
  for (const char32_t c : {U'1', U'½', U'Ⅷ', U'٣'}) EXPECT_TRUE(IsNumber(c));
  for (const char32_t c : {U'a', U'一', U'+'}) EXPECT_FALSE(IsNumber(c));
  for (const char32_t c : {U' ', U'\n', U'\u00A0', U'\u2028', U'\u3000'}) {
    EXPECT_TRUE(IsWhiteSpace(c));
  }
  for (const char32_t c : {U'a', U'\u200B', U'\x1F'}) EXPECT_FALSE(IsWhiteSpace(c));
}

TEST(UnicodeTest, MapsText) {
  EXPECT_EQ(LowerCase("ÀΣ\u0130Z"), "àσi\u0307z");
  EXPECT_EQ(ComposeNfc("e\u0301 \u1E9B\u0323"), "é \u1E9B\u0323");
  EXPECT_EQ(CollapseWhiteSpace("\u3000a \n b\t"), " a b ");
  EXPECT_EQ(StripWhiteSpace("\u3000 a b\n"), "a b");
  EXPECT_EQ(StripWhiteSpace(" \n"), "");
}

}  // namespace
}  // namespace patchbay
