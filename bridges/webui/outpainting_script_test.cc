#include "bridges/webui/outpainting_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace patchbay::webui {
namespace {

using ::testing::HasSubstr;

constexpr char kMk2[] = "Outpainting mk2";
constexpr char kPoorMans[] = "poor man's outpainting";

std::string Margins(const char* script, const Json& arguments, int width, int height) {
  const auto read = ReadOutpainting(script, arguments, width, height);
  if (!read.ok()) return std::string(read.status().message());
  std::string text;
  for (const int number : {read->left, read->top, read->right, read->bottom, read->feathering}) {
    text += std::to_string(number) + " ";
  }
  return text;
}

TEST(OutpaintingScriptTest, KnowsTheScripts) {
  EXPECT_TRUE(IsOutpaintingScript("outpainting MK2"));
  EXPECT_TRUE(IsOutpaintingScript(kPoorMans));
  EXPECT_FALSE(IsOutpaintingScript("x/y/z plot"));
}

TEST(OutpaintingScriptTest, ReadsEachScriptsOrder) {
  EXPECT_EQ(Margins(kMk2, {"", 64, 8, {"left", "up"}, 1.0, 0.05}, 512, 512), "64 64 0 0 8 ");
  EXPECT_EQ(Margins(kPoorMans, {64, 4, "fill", {"right"}}, 512, 512), "0 0 64 0 4 ");
  EXPECT_EQ(Margins(kMk2, Json::array(), 512, 512), "128 128 128 128 8 ");
}

TEST(OutpaintingScriptTest, RoundsSidesThatGrowUpTo64) {
  // 500 + 2 * 20 = 540, so 576: 76 more pixels, shared as they were asked for.
  EXPECT_EQ(Margins(kMk2, {"", 20, 0, {"left", "right"}}, 500, 333), "38 0 38 0 0 ");
  EXPECT_EQ(Margins(kMk2, {"", 20, 0, {"down"}}, 500, 333), "0 0 0 51 0 ");
}

TEST(OutpaintingScriptTest, SaysWhatDoesNotFit) {
  EXPECT_THAT(Margins(kMk2, {"", "wide"}, 64, 64), HasSubstr("number 2 is the margins' width"));
  EXPECT_THAT(Margins(kMk2, {"", -1}, 64, 64), HasSubstr("from 0 to 16384"));
  EXPECT_THAT(Margins(kMk2, {"", 64, 8, "left"}, 64, 64), HasSubstr("must be a list"));
  EXPECT_THAT(Margins(kMk2, {"", 64, 8, {"north"}}, 64, 64), HasSubstr("directions are"));
  EXPECT_THAT(Margins(kMk2, {"", 64, 8, Json::array()}, 64, 64), HasSubstr("nothing would be"));
  EXPECT_THAT(Margins(kMk2, {"", 0}, 64, 64), HasSubstr("nothing would be"));
  EXPECT_THAT(Margins(kMk2, Json::object(), 64, 64), HasSubstr("script_args must be a list"));
}

}  // namespace
}  // namespace patchbay::webui
