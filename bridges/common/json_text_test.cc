#include "bridges/common/json_text.h"

#include <gtest/gtest.h>

#include <string>

namespace patchbay {
namespace {

std::string Nested(int levels) { return std::string(levels, '[') + std::string(levels, ']'); }

TEST(JsonTextTest, ReadsJson) {
  EXPECT_EQ(ParseJsonText(R"({"a": [1, "\"[[["]})"), Json({{"a", {1, "\"[[["}}}));
  EXPECT_TRUE(ParseJsonText("{").is_discarded());
  EXPECT_TRUE(ParseJsonText("").is_discarded());
  EXPECT_TRUE(ParseJsonText(R"({"a": NaN})").is_discarded());
}

TEST(JsonTextTest, DeepNestingIsRefused) {
  EXPECT_TRUE(ParseJsonText(Nested(kMostJsonLevels)).is_array());
  EXPECT_TRUE(ParseJsonText(Nested(kMostJsonLevels + 1)).is_discarded());
  EXPECT_TRUE(ParseJsonText(std::string(4'000'000, '[')).is_discarded());
  std::string objects;
  for (int i = 0; i <= kMostJsonLevels; ++i) objects += R"({"a":)";
  EXPECT_TRUE(ParseJsonText(objects + "1" + std::string(kMostJsonLevels + 1, '}')).is_discarded());
}

TEST(JsonTextTest, BracketsInStringsOpenNothing) {
  EXPECT_TRUE(ParseJsonText('"' + std::string(10'000, '[') + '"').is_string());
}

TEST(JsonTextTest, ManyBesideOneAnotherAreNotDeep) {
  std::string text = "[";
  for (int i = 0; i < 10'000; ++i) text += "[],";
  EXPECT_EQ(ParseJsonText(text + "[]]").size(), 10'001u);
}

}  // namespace
}  // namespace patchbay
