#include "bridges/webui/infotext.h"

#include <gtest/gtest.h>

namespace patchbay::webui {
namespace {

TEST(InfotextTest, WritesAsA1111) {
  EXPECT_EQ(WriteInfotext("a cat", "", {{"Steps", "20"}, {"Eta", ""}, {"Size", "64x32"}}),
            "a cat\nSteps: 20, Size: 64x32");
  EXPECT_EQ(WriteInfotext("a", "b", {{"Note", "x, y: \"z\""}}),
            "a\nNegative prompt: b\nNote: \"x, y: \\\"z\\\"\"");
}

TEST(InfotextTest, ReadsWhatItWrote) {
  const std::string text = WriteInfotext(
      "a, b: (c:1.2)\nsecond line", "bad\nworse",
      {{"Steps", "20"}, {"Size", "64x32"}, {"Note", "x, \"y\": z\nw"}, {"Version", "v1.10.1"}});
  const Json read = ParseInfotext(text);
  EXPECT_EQ(read["Prompt"], "a, b: (c:1.2)\nsecond line");
  EXPECT_EQ(read["Negative prompt"], "bad\nworse");
  EXPECT_EQ(read["Note"], "x, \"y\": z\nw");
  EXPECT_EQ(read["Size-1"], "64");
  EXPECT_EQ(read["Size-2"], "32");
  EXPECT_EQ(read["Version"], "v1.10.1");
}

TEST(InfotextTest, ALastLineWithFewPairsBelongsToThePrompt) {
  const Json read = ParseInfotext("a cat\nred: 1, blue: 2");
  EXPECT_EQ(read["Prompt"], "a cat\nred: 1, blue: 2");
  EXPECT_FALSE(read.contains("red"));
}

TEST(InfotextTest, ReadsAnythingWithoutHarm) {
  for (const char* text :
       {"", "\n", ":", "a:\"", "Negative prompt:", ",:,:,:", "x: \"\\", "\n\n:::,,,"}) {
    EXPECT_TRUE(ParseInfotext(text).is_object()) << text;
  }
}

}  // namespace
}  // namespace patchbay::webui
