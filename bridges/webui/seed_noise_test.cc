#include "bridges/webui/seed_noise.h"

#include <gtest/gtest.h>

#include <cmath>

namespace patchbay::webui {
namespace {

FloatPlanes Noise(const NoiseSeed& seed, int height, int width) {
  return *FirstNoise(seed, 4, height, width);
}

TEST(SeedNoiseTest, NumbersAreThoseOfAGpu) {
  // torch.randn(8, device="cuda") behind torch.manual_seed(0), as A1111's modules/rng_philox.py
  // quotes it.
  const float expected[] = {-0.92466259f, -0.42534415f, -2.6438457f,  0.14518388f,
                            -0.12086647f, -0.57972564f, -0.62285122f, -0.32838709f};
  const FloatPlanes noise = *FirstNoise({.seed = 0}, 1, 2, 4);
  for (size_t i = 0; i < 8; ++i) EXPECT_NEAR(noise.values[i], expected[i], 1e-6) << i;
}

TEST(SeedNoiseTest, StrengthLeadsFromOneSeedToTheOther) {
  const FloatPlanes one = Noise({.seed = 1}, 8, 8), two = Noise({.seed = 2}, 8, 8);
  const FloatPlanes mixed = Noise({.seed = 1, .subseed = 2, .strength = 1}, 8, 8);
  const FloatPlanes little = Noise({.seed = 1, .subseed = 2, .strength = 1e-9}, 8, 8);
  for (size_t i = 0; i < one.values.size(); ++i) {
    EXPECT_NEAR(mixed.values[i], two.values[i], 1e-5);
    EXPECT_NEAR(little.values[i], one.values[i], 1e-5);
  }
}

TEST(SeedNoiseTest, HalfWayLiesOnTheArcOfEachColumn) {
  // Two rows: a column is a vector of two numbers, and half way between two unit vectors at an
  // angle a lies (u + v) / (2 cos(a / 2)), which is a unit vector again.
  const FloatPlanes one = Noise({.seed = 1}, 2, 8), two = Noise({.seed = 2}, 2, 8);
  const FloatPlanes mixed = Noise({.seed = 1, .subseed = 2, .strength = 0.5}, 2, 8);
  for (int c = 0; c < 4; ++c) {
    for (int x = 0; x < 8; ++x) {
      const double norms = std::hypot(one.At(0, c, 0, x), one.At(0, c, 1, x)) *
                           std::hypot(two.At(0, c, 0, x), two.At(0, c, 1, x));
      const double cosine =
          (one.At(0, c, 0, x) * two.At(0, c, 0, x) + one.At(0, c, 1, x) * two.At(0, c, 1, x)) /
          norms;
      for (int y = 0; y < 2; ++y) {
        const double expected =
            (one.At(0, c, y, x) + two.At(0, c, y, x)) / (2 * std::sqrt((1 + cosine) / 2));
        EXPECT_NEAR(mixed.At(0, c, y, x), expected, 1e-3 + 1e-3 * std::abs(expected));
      }
    }
  }
}

TEST(SeedNoiseTest, EqualSeedsGiveTheirNoise) {
  const FloatPlanes one = Noise({.seed = 7}, 8, 8);
  const FloatPlanes mixed = Noise({.seed = 7, .subseed = 7, .strength = 0.3}, 8, 8);
  for (size_t i = 0; i < one.values.size(); ++i) EXPECT_NEAR(mixed.values[i], one.values[i], 1e-6);
}

TEST(SeedNoiseTest, AnotherSizesNoiseStandsInTheMiddle) {
  const FloatPlanes small = Noise({.seed = 1}, 4, 6), whole = Noise({.seed = 1}, 8, 8);
  const NoiseSeed resized{.seed = 1, .resized_from_width = 6, .resized_from_height = 4};
  const FloatPlanes noise = Noise(resized, 8, 8);
  EXPECT_FLOAT_EQ(noise.At(0, 0, 2, 1), small.At(0, 0, 0, 0));
  EXPECT_FLOAT_EQ(noise.At(0, 3, 5, 6), small.At(0, 3, 3, 5));
  EXPECT_FLOAT_EQ(noise.At(0, 0, 1, 1), whole.At(0, 0, 1, 1));
  EXPECT_FLOAT_EQ(noise.At(0, 3, 5, 7), whole.At(0, 3, 5, 7));
}

TEST(SeedNoiseTest, ALargerSizesNoiseIsCut) {
  // dx = (8 - 13) // 2 = -3 in Python: 13 - 6 = 7 columns from the fourth on, the eighth is new.
  const FloatPlanes large = Noise({.seed = 1}, 8, 13), whole = Noise({.seed = 1}, 8, 8);
  const FloatPlanes noise =
      Noise({.seed = 1, .resized_from_width = 13, .resized_from_height = 8}, 8, 8);
  EXPECT_FLOAT_EQ(noise.At(0, 0, 0, 0), large.At(0, 0, 0, 3));
  EXPECT_FLOAT_EQ(noise.At(0, 0, 7, 6), large.At(0, 0, 7, 9));
  EXPECT_FLOAT_EQ(noise.At(0, 0, 7, 7), whole.At(0, 0, 7, 7));
}

}  // namespace
}  // namespace patchbay::webui
