#include "host/runtime/prompt/attention_syntax.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace patchbay {
namespace {

using Pieces = std::vector<WeightedText>;

Pieces Parse(std::string_view text) {
  const auto pieces = ParseAttention(text);
  EXPECT_TRUE(pieces.ok()) << pieces.status();
  return pieces.ok() ? *pieces : Pieces{};
}

// The doctests of parse_prompt_attention().
TEST(AttentionSyntaxTest, ReadsTheDoctests) {
  EXPECT_EQ(Parse("normal text"), (Pieces{{"normal text", 1.0}}));
  EXPECT_EQ(Parse("an (important) word"),
            (Pieces{{"an ", 1.0}, {"important", 1.1}, {" word", 1.0}}));
  EXPECT_EQ(Parse("(unbalanced"), (Pieces{{"unbalanced", 1.1}}));
  EXPECT_EQ(Parse(R"(\(literal\])"), (Pieces{{"(literal]", 1.0}}));
  EXPECT_EQ(Parse("(unnecessary)(parens)"), (Pieces{{"unnecessaryparens", 1.1}}));
  EXPECT_EQ(Parse("a (((house:1.3)) [on] a (hill:0.5), sun, (((sky)))."),
            (Pieces{{"a ", 1.0},
                    {"house", 1.5730000000000004},
                    {" ", 1.1},
                    {"on", 1.0},
                    {" a ", 1.1},
                    {"hill", 0.55},
                    {", sun, ", 1.1},
                    {"sky", 1.4641000000000006},
                    {".", 1.1}}));
}

// The rest by following its regular expressions by hand.
TEST(AttentionSyntaxTest, ReadsEmptyAndPlainText) {
  EXPECT_EQ(Parse(""), (Pieces{{"", 1}}));
  EXPECT_EQ(Parse("()"), (Pieces{{"", 1}}));
  EXPECT_EQ(Parse("a: b, 12:30"), (Pieces{{"a: b, 12:30", 1}}));
}

TEST(AttentionSyntaxTest, MultipliesNestedBrackets) {
  EXPECT_EQ(Parse("((a:1.3))"), (Pieces{{"a", 1.3 * 1.1}}));
  EXPECT_EQ(Parse("[a]"), (Pieces{{"a", 1 / 1.1}}));
  // Round and square brackets need not nest.
  EXPECT_EQ(Parse("(a[b)c]"), (Pieces{{"a", 1.1}, {"b", 1.1 * (1 / 1.1)}, {"c", 1 / 1.1}}));
  EXPECT_EQ(Parse("(a [b"), (Pieces{{"a ", 1.1}, {"b", 1.1 * (1 / 1.1)}}));
}

TEST(AttentionSyntaxTest, ReadsWeights) {
  EXPECT_EQ(Parse("(a : 1.5 )"), (Pieces{{"a ", 1.5}}));
  EXPECT_EQ(Parse("(a:-.5)"), (Pieces{{"a", -0.5}}));
  EXPECT_EQ(Parse("(a:+2.)"), (Pieces{{"a", 2}}));
  EXPECT_EQ(Parse("(a:1e2)"), (Pieces{{"a:1e2", 1.1}}));
  EXPECT_EQ(Parse("(a:1.2.3)"), (Pieces{{"a:1.2.3", 1.1}}));
  EXPECT_EQ(Parse("(a:)"), (Pieces{{"a:", 1.1}}));
  EXPECT_EQ(Parse("[a:1.5]"), (Pieces{{"a:1.5", 1 / 1.1}}));
}

TEST(AttentionSyntaxTest, KeepsClosingBracketsThatWereNotOpened) {
  EXPECT_EQ(Parse("a) b] c"), (Pieces{{"a) b] c", 1}}));
  EXPECT_EQ(Parse("a:1.5) b"), (Pieces{{"a:1.5) b", 1}}));
}

TEST(AttentionSyntaxTest, ReadsBackslashes) {
  EXPECT_EQ(Parse(R"(a\b)"), (Pieces{{"ab", 1}}));
  EXPECT_EQ(Parse(R"(a\\(b))"), (Pieces{{R"(a\)", 1}, {"b", 1.1}}));
  EXPECT_EQ(Parse(R"((a\:2))"), (Pieces{{"a", 2}}));
  EXPECT_EQ(Parse("a\\"), (Pieces{{"a", 1}}));
}

TEST(AttentionSyntaxTest, BreaksOnlyAtTheWordOutsideOfBrackets) {
  EXPECT_EQ(Parse("a BREAK\n b"), (Pieces{{"a", 1}, {"BREAK", -1}, {"b", 1}}));
  EXPECT_TRUE(IsBreak(Parse("a BREAK b")[1]));
  EXPECT_EQ(Parse("BREAKBREAK aBREAK break"), (Pieces{{"BREAKBREAK aBREAK break", 1}}));
  EXPECT_EQ(Parse("BREAK BREAK"),
            (Pieces{{"", 1}, {"BREAK", -1}, {"", 1}, {"BREAK", -1}, {"", 1}}));
  const Pieces inside = Parse("(a BREAK b)");
  EXPECT_EQ(inside, (Pieces{{"a", 1.1}, {"BREAK", -1.1}, {"b", 1.1}}));
  EXPECT_FALSE(IsBreak(inside[1]));
}

TEST(AttentionSyntaxTest, RefusesAbsurdNesting) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "(a";
  EXPECT_TRUE(ParseAttention(text).ok());
  for (int i = 0; i < 2000; ++i) text += "(a";
  EXPECT_EQ(ParseAttention(text).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace patchbay
