#include "host/base/spelling.h"

#include "gtest/gtest.h"

namespace patchbay {
namespace {

const std::vector<std::string> kFruits = {"apple", "pear", "banana"};

TEST(Spelling, FindsTheNearest) {
  EXPECT_EQ(NearestSpelling("aple", kFruits), "apple");
  EXPECT_EQ(NearestSpelling("bananna", kFruits), "banana");
  EXPECT_EQ(NearestSpelling("pear", kFruits), "pear");
}

TEST(Spelling, GivesNothingWhenAllAreFar) {
  EXPECT_EQ(NearestSpelling("zucchini", kFruits), "");
  EXPECT_EQ(NearestSpelling("", kFruits), "");
  EXPECT_EQ(NearestSpelling("pear", {}), "");
}

}  // namespace
}  // namespace patchbay
