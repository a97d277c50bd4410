#include "host/runtime/prompt/comfyui_weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace patchbay {
namespace {

using Pieces = std::vector<WeightedText>;

// The examples in the documentation of token_weights() in ComfyUI's comfy/sd1_clip.py. The last two
// follow its code: brackets around "(x:w)" do not multiply, brackets inside do.
TEST(ComfyuiWeightsTest, ReadsTheDocumentedExamples) {
  EXPECT_EQ(ParseComfyuiWeights("(foo)"), (Pieces{{"foo", 1.1}}));
  EXPECT_EQ(ParseComfyuiWeights("(foo)(bar)"), (Pieces{{"foo", 1.1}, {"bar", 1.1}}));
  EXPECT_EQ(ParseComfyuiWeights("(foo:2.0)"), (Pieces{{"foo", 2.0}}));
  EXPECT_EQ(ParseComfyuiWeights("((foo))"), (Pieces{{"foo", 1.1 * 1.1}}));
  EXPECT_EQ(ParseComfyuiWeights("((foo):1.1)"), (Pieces{{"foo", 1.1 * 1.1}}));
  EXPECT_EQ(ParseComfyuiWeights("((foo:1.1))"), (Pieces{{"foo", 1.1}}));
  EXPECT_EQ(ParseComfyuiWeights("(foo:0.0)"), (Pieces{{"foo", 0.0}}));
  EXPECT_EQ(ParseComfyuiWeights("((foo:1.0):0.0)"), (Pieces{{"foo", 1.0}}));
  EXPECT_EQ(ParseComfyuiWeights("foo ((((lol (cat:666) attack:100)))) baz"),
            (Pieces{{"foo ", 1}, {"lol ", 100}, {"cat", 666}, {" attack", 100}, {" baz", 1}}));
  EXPECT_EQ(
      ParseComfyuiWeights("foo ((((lol (cat:666) attack):100))) baz"),
      (Pieces{
          {"foo ", 1}, {"lol ", 100 * 1.1}, {"cat", 666}, {" attack", 100 * 1.1}, {" baz", 1}}));
}

TEST(ComfyuiWeightsTest, KeepsOrdinaryText) {
  EXPECT_EQ(ParseComfyuiWeights(""), Pieces{});
  EXPECT_EQ(ParseComfyuiWeights("()"), Pieces{});
  EXPECT_EQ(ParseComfyuiWeights("a [b] c:2"), (Pieces{{"a [b] c:2", 1}}));
}

// What float() refuses stays text; a colon right after the bracket is not looked at.
TEST(ComfyuiWeightsTest, ReadsWhatIsNoWeightAsText) {
  EXPECT_EQ(ParseComfyuiWeights("(a:b)"), (Pieces{{"a:b", 1.1}}));
  EXPECT_EQ(ParseComfyuiWeights("(a:)"), (Pieces{{"a:", 1.1}}));
  EXPECT_EQ(ParseComfyuiWeights("(:2)"), (Pieces{{":2", 1.1}}));
  EXPECT_EQ(ParseComfyuiWeights("(a:nan)"), (Pieces{{"a:nan", 1.1}}));
  EXPECT_EQ(ParseComfyuiWeights("(a:3:2)"), (Pieces{{"a:3", 2}}));
  EXPECT_EQ(ParseComfyuiWeights("(a: 1e1 )"), (Pieces{{"a", 10}}));
  EXPECT_EQ(ParseComfyuiWeights("(a:-1)"), (Pieces{{"a", -1}}));
}

TEST(ComfyuiWeightsTest, TakesEscapedBracketsAsText) {
  EXPECT_EQ(ParseComfyuiWeights(R"(\(foo\)(bar))"), (Pieces{{"(foo)", 1}, {"bar", 1.1}}));
  EXPECT_EQ(ParseComfyuiWeights(R"((a\):2))"), (Pieces{{"a)", 2}}));
  EXPECT_EQ(ParseComfyuiWeights(R"(a\b)"), (Pieces{{R"(a\b)", 1}}));
  // replace("\\(", ...) takes the second backslash.
  EXPECT_EQ(ParseComfyuiWeights(R"(\\(a\\))"), (Pieces{{R"(\(a\))", 1}}));
}

// By following parse_parentheses() by hand: the level counts below zero, and an unclosed item that
// happens to end with a bracket is read as a group.
TEST(ComfyuiWeightsTest, ReadsUnbalancedBracketsAsComfyuiDoes) {
  EXPECT_EQ(ParseComfyuiWeights("(foo"), (Pieces{{"(foo", 1}}));
  EXPECT_EQ(ParseComfyuiWeights("(foo (bar) baz"), (Pieces{{"(foo (bar) baz", 1}}));
  EXPECT_EQ(ParseComfyuiWeights("(foo (bar)"), (Pieces{{"foo ", 1.1}, {"(bar", 1.1}}));
  EXPECT_EQ(ParseComfyuiWeights("((a) (b:2)"), (Pieces{{"a", 2 * 1.1}, {" ", 2}, {"(b", 2}}));
  EXPECT_EQ(ParseComfyuiWeights("(x (y (z))"),
            (Pieces{{"x ", 1.1}, {"y ", 1.1 * 1.1}, {"(z", 1.1 * 1.1}}));
  EXPECT_EQ(ParseComfyuiWeights("a) b (c)"), (Pieces{{"a) b (c)", 1}}));
  EXPECT_EQ(ParseComfyuiWeights(") ( (x)"), (Pieces{{") ( ", 1}, {"x", 1.1}}));
  EXPECT_EQ(ParseComfyuiWeights("(a)) (b)"), (Pieces{{"a", 1.1}, {") (b)", 1}}));
}

TEST(ComfyuiWeightsTest, TakesLinearTimeForDeepNesting) {
  const std::string open(100'000, '(');
  const std::string close(100'000, ')');
  const Pieces pieces = ParseComfyuiWeights(open + "a" + close);
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_EQ(pieces[0].text, "a");
  EXPECT_EQ(TokenWeight(pieces[0].weight), std::numeric_limits<float>::max());
  EXPECT_EQ(ParseComfyuiWeights(open + "a").size(), 1u);
  EXPECT_EQ(ParseComfyuiWeights(open + "a" + close + close).size(), 2u);
}

}  // namespace
}  // namespace patchbay
