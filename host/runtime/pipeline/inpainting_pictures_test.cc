#include "host/runtime/pipeline/inpainting_pictures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace patchbay {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

Picture Row(int channels, std::vector<uint8_t> pixels) {
  return {static_cast<int>(pixels.size()) / channels, 1, channels, std::move(pixels)};
}

TEST(GreyMaskTest, TakesTheBrightnessOfWhatIsOpaque) {
  EXPECT_THAT(GreyMask(Row(1, {0, 128, 255})).pixels, ElementsAre(0, 128, 255));
  // 0.299 R + 0.587 G + 0.114 B
  EXPECT_THAT(GreyMask(Row(3, {255, 0, 0, 0, 255, 0, 0, 0, 255})).pixels, ElementsAre(76, 150, 29));
  EXPECT_THAT(GreyMask(Row(4, {0, 0, 0, 255, 255, 255, 255, 255})).pixels, ElementsAre(0, 255));
}

TEST(GreyMaskTest, TakesTheOpacityWhereAnyIsTransparent) {
  EXPECT_THAT(GreyMask(Row(4, {0, 0, 0, 255, 255, 255, 255, 10, 9, 9, 9, 0})).pixels,
              ElementsAre(255, 10, 0));
}

TEST(GreyMaskTest, KnowsWhenNothingIsPainted) {
  EXPECT_TRUE(PaintsNothing(Row(1, {0, 127})));
  EXPECT_FALSE(PaintsNothing(Row(1, {0, 128})));
}

TEST(WithOriginalOverTest, KeepsExactlyWhatIsBlackAndPaintsExactlyWhatIsWhite) {
  const Picture original = Row(3, {1, 2, 3, 4, 5, 6, 100, 100, 100});
  const Picture drawn = Row(3, {201, 202, 203, 204, 205, 206, 200, 200, 200});
  const auto result = WithOriginalOver(drawn, original, Row(1, {0, 128, 64}));
  ASSERT_TRUE(result.ok()) << result.status();
  // At 64 of 255 the original has (255 - 2 * 64) / 255 of the picture: 100 + 100 * 128 / 255.
  EXPECT_THAT(result->pixels, ElementsAre(1, 2, 3, 204, 205, 206, 150, 150, 150));
}

TEST(WithOriginalOverTest, ShowsTransparentPartsWhiteAndGreyOnesInColour) {
  const Picture drawn = Row(3, {0, 0, 0, 0, 0, 0});
  const Picture mask = Row(1, {0, 0});
  EXPECT_THAT(WithOriginalOver(drawn, Row(4, {9, 9, 9, 0, 9, 9, 9, 255}), mask)->pixels,
              ElementsAre(255, 255, 255, 9, 9, 9));
  EXPECT_THAT(WithOriginalOver(drawn, Row(1, {7, 8}), mask)->pixels, ElementsAre(7, 7, 7, 8, 8, 8));
}

TEST(WithOriginalOverTest, BringsOriginalAndMaskToTheSizeThatWasDrawn) {
  const Picture drawn = {8, 8, 3, std::vector<uint8_t>(8 * 8 * 3, 200)};
  const auto result = WithOriginalOver(drawn, {4, 4, 3, std::vector<uint8_t>(48, 50)}, Row(1, {0}));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->width, 8);
  EXPECT_THAT(result->pixels, Each(50));
  EXPECT_FALSE(WithOriginalOver(drawn, Picture{}, Row(1, {0})).ok());
}

}  // namespace
}  // namespace patchbay
