#include "host/base/excerpt.h"

#include "gtest/gtest.h"

namespace patchbay {
namespace {

TEST(ExcerptTest, KeepsWhatIsShort) {
  EXPECT_EQ(Excerpt(""), "");
  EXPECT_EQ(Excerpt(std::string(200, 'x')), std::string(200, 'x'));
}

TEST(ExcerptTest, CutsBetweenCharacters) {
  EXPECT_EQ(Excerpt(std::string(100'000, 'x')), std::string(160, 'x') + " ... (100000 bytes)");
  // Three bytes each: 160 is no boundary, 159 is.
  std::string euros;
  for (int i = 0; i < 100; ++i) euros += "\xE2\x82\xAC";
  EXPECT_EQ(Excerpt(euros), euros.substr(0, 159) + " ... (300 bytes)");
}

}  // namespace
}  // namespace patchbay
