#include "host/runtime/prompt/python_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace patchbay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Python: re.match(r"\s", c), re.match(r"\w", c)
TEST(PythonTextTest, KnowsPythonsCharacterClasses) {
  for (const char32_t c : {U' ', U'\t', U'\n', U'\u00A0', U'\u3000', U'\x1C', U'\x1F'}) {
    EXPECT_TRUE(IsPythonSpace(c)) << static_cast<uint32_t>(c);
  }
  for (const char32_t c : {U'a', U'\x1B', U'\u200B', U'\u180E'}) {
    EXPECT_FALSE(IsPythonSpace(c)) << static_cast<uint32_t>(c);
  }
  for (const char32_t c : {U'a', U'Z', U'0', U'_', U'\u00E9', U'\u732B', U'\u00BD', U'\u0664'}) {
    EXPECT_TRUE(IsPythonWord(c)) << static_cast<uint32_t>(c);
  }
  for (const char32_t c : {U'-', U' ', U'\u0301', U'\u2014'}) {
    EXPECT_FALSE(IsPythonWord(c)) << static_cast<uint32_t>(c);
  }
}

TEST(PythonTextTest, StripsOneSide) {
  EXPECT_EQ(StripPythonSpaceLeft(" \t\u3000a b "), "a b ");
  EXPECT_EQ(StripPythonSpaceRight(" a b\u3000\n\x1F"), " a b");
  EXPECT_EQ(StripPythonSpaceLeft(" \n"), "");
  EXPECT_EQ(StripPythonSpaceRight("\u3000"), "");
}

// Python: [m.start() for m in re.finditer(r"\bAND\b", text)]
TEST(PythonTextTest, FindsWholeWords) {
  EXPECT_THAT(FindWord("AND", "AND"), ElementsAre(0));
  EXPECT_THAT(FindWord("a AND b,AND(AND)", "AND"), ElementsAre(2, 8, 12));
  EXPECT_THAT(FindWord("SAND ANDY _AND AND1 ANDAND", "AND"), IsEmpty());
  EXPECT_THAT(FindWord("éAND 猫AND ANDé —AND", "AND"), ElementsAre(22));
}

TEST(PythonTextTest, ReadsNumbersAsFloatDoes) {
  EXPECT_EQ(ParsePythonFloat("1.5"), 1.5);
  EXPECT_EQ(ParsePythonFloat(" +.5\n"), 0.5);
  EXPECT_EQ(ParsePythonFloat("-2."), -2.0);
  EXPECT_EQ(ParsePythonFloat("1_0e-1_0"), 10e-10);
  EXPECT_EQ(ParsePythonFloat("1e-999"), 0.0);
  for (const char* const text : {"", ".", "+", "1.2.3", "1e", "_1", "1_", "1__0", "0x1", "1 2",
                                 "--1", "+-1", "inf", "nan", "1e999", "a"}) {
    EXPECT_EQ(ParsePythonFloat(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace patchbay
