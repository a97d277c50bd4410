#include "bridges/common/interpolation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace patchbay {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::FloatNear;

FloatPlanes Line(std::vector<float> values) {
  const auto width = static_cast<int>(values.size());
  return {1, 1, 1, width, std::move(values)};
}

std::vector<float> Interpolated(const FloatPlanes& planes, int width, Interpolation method) {
  const auto result = Interpolate(planes, width, planes.height, method);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? result->values : std::vector<float>();
}

TEST(InterpolationTest, NamesAreThoseOfTheNodes) {
  EXPECT_EQ(InterpolationNamed("nearest-exact"), Interpolation::kNearestExact);
  EXPECT_EQ(InterpolationNamed("bislerp"), Interpolation::kBislerp);
  EXPECT_EQ(InterpolationNamed("lanczos"), std::nullopt);
}

// A new place's middle, (i + 1/2) 4/2, lies at 1 and 3; (i + 1/2) 2/3 at 1/3, 1 and 5/3.
TEST(InterpolationTest, NearestExactTakesWhatLiesUnderTheMiddle) {
  EXPECT_THAT(Interpolated(Line({1, 2, 3, 4}), 2, Interpolation::kNearestExact), ElementsAre(2, 4));
  EXPECT_THAT(Interpolated(Line({1, 2}), 3, Interpolation::kNearestExact), ElementsAre(1, 2, 2));
}

// Middles lie at -1/4, 1/4, 3/4 and 5/4 of the old places; beyond the ends the end counts.
TEST(InterpolationTest, Bilinear) {
  EXPECT_THAT(Interpolated(Line({0, 1}), 4, Interpolation::kBilinear),
              ElementsAre(0, 0.25, 0.75, 1));
}

TEST(InterpolationTest, BilinearAlongBothSides) {
  const FloatPlanes square{1, 1, 2, 2, {0, 1, 2, 3}};
  const auto larger = Interpolate(square, 4, 4, Interpolation::kBilinear);
  ASSERT_TRUE(larger.ok());
  // Three quarters of the first line and a quarter of the second, at a quarter of the way.
  EXPECT_FLOAT_EQ(larger->At(0, 0, 1, 1), 0.75f * 0.25f + 0.25f * 2.25f);
  EXPECT_FLOAT_EQ(larger->At(0, 0, 3, 3), 3);
}

// Two new places of one and a half old ones each reach into the middle one.
TEST(InterpolationTest, AreaIsTheMeanOfWhatIsTouched) {
  EXPECT_THAT(Interpolated(Line({0, 3, 6}), 2, Interpolation::kArea), ElementsAre(1.5, 4.5));
}

// Keys' kernel with a = -3/4 at 5/4, 1/4, 3/4 and 7/4 from a new place a quarter of the way from 0
// to 1: -27/256, 225/256, 67/256 and -9/256; the places left of the line are 0, right of it 1.
TEST(InterpolationTest, Bicubic) {
  EXPECT_THAT(Interpolated(Line({0, 1}), 4, Interpolation::kBicubic)[1],
              FloatEq((67.f - 9.f) / 256.f));
}

TEST(InterpolationTest, ConstantsStay) {
  for (const std::string& name : InterpolationNames()) {
    const FloatPlanes planes{2, 3, 4, 5, std::vector<float>(120, 0.5f)};
    const auto result = Interpolate(planes, 7, 3, *InterpolationNamed(name));
    ASSERT_TRUE(result.ok()) << name;
    EXPECT_EQ(result->values.size(), 2u * 3 * 3 * 7);
    EXPECT_THAT(result->values, ::testing::Each(FloatNear(0.5f, 1e-6f))) << name;
  }
}

// Vectors of two channels at two places: planes [1, 2, 1, 2].
std::vector<float> Second(std::vector<float> vectors) {
  const FloatPlanes planes{1, 2, 1, 2, std::move(vectors)};
  const std::vector<float> all = Interpolated(planes, 4, Interpolation::kBislerp);
  return {all.at(1), all.at(5)};
}

// A quarter of the way from (2, 0) to (0, 4): a quarter of a right angle, 3/4 2 + 1/4 4 long.
TEST(InterpolationTest, BislerpTurnsVectors) {
  const float angle = std::acos(-1.f) / 8;
  EXPECT_THAT(Second({2, 0, 0, 4}), ElementsAre(FloatNear(2.5f * std::cos(angle), 1e-6f),
                                                FloatNear(2.5f * std::sin(angle), 1e-6f)));
}

TEST(InterpolationTest, BislerpOfParallelVectorsIsTheFirst) {
  EXPECT_THAT(Second({1, 3, 0, 0}), ElementsAre(1, 0));
}

TEST(InterpolationTest, BislerpOfOppositeVectorsIsLinear) {
  EXPECT_THAT(Second({1, -1, 0, 0}), ElementsAre(0.5, 0));
}

// Nothing stands at a right angle to everything: sin(pi/8) of (0, 2), a quarter as long.
TEST(InterpolationTest, BislerpOfNothing) {
  EXPECT_THAT(Second({0, 0, 0, 2}),
              ElementsAre(0, FloatNear(0.5f * std::sin(std::acos(-1.f) / 8), 1e-6f)));
}

TEST(InterpolationTest, CuttingRoundsHalvesToEven) {
  // (10 - 4) / 2, (5 - 4) / 2 and (7 - 4) / 2.
  EXPECT_EQ(CenteredArea(10, 4, 8, 8)->x, 3);
  EXPECT_EQ(CenteredArea(5, 4, 8, 8)->x, 0);
  EXPECT_EQ(CenteredArea(7, 4, 8, 8)->x, 2);
  EXPECT_EQ(CenteredArea(7, 4, 8, 8)->width, 3);
  EXPECT_EQ(CenteredArea(4, 10, 8, 8)->y, 3);
  EXPECT_EQ(CenteredArea(4, 10, 8, 8)->height, 4);
}

TEST(InterpolationTest, CutsBeforeItInterpolates) {
  const auto result = Upscaled(Line({1, 2, 3, 4}), 2, 1, Interpolation::kNearestExact, true);
  ASSERT_TRUE(result.ok());
  EXPECT_THAT(result->values, ElementsAre(2, 3));
}

TEST(InterpolationTest, RefusesWhatIsTooLarge) {
  EXPECT_FALSE(Interpolate(Line({1}), 1 << 14, 1 << 14, Interpolation::kBilinear).ok());
  EXPECT_FALSE(Upscaled(Line({1}), 0, 1, Interpolation::kBilinear, false).ok());
}

}  // namespace
}  // namespace patchbay
