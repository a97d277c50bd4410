#include "bridges/comfyui/latent_noise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace patchbay::comfyui {
namespace {

FloatPlanes Shape(int batch, int height, int width) {
  FloatPlanes shape{batch, 4, height, width, {}};
  shape.values.resize(static_cast<size_t>(batch) * shape.ItemSize());
  return shape;
}

std::vector<float> Item(const FloatPlanes& noise, int item) {
  return {noise.Plane(item, 0), noise.Plane(item, 0) + noise.ItemSize()};
}

// Box-Muller by the definition, of the standard library's numbers of the same generator.
TEST(LatentNoiseTest, FirstNumbersAreThoseOfTheGenerator) {
  std::mt19937 generator(5);
  std::vector<double> uniform;
  for (int i = 0; i < 16; ++i) uniform.push_back((generator() % 16777216) / 16777216.0);
  const FloatPlanes noise = SeededNoise(5, {0}, Shape(1, 8, 8));
  const double length = std::sqrt(-2 * std::log(1 - uniform[0]));
  const double angle = 2 * std::acos(-1.0) * uniform[8];
  EXPECT_NEAR(noise.values[0], length * std::cos(angle), 1e-5);
  EXPECT_NEAR(noise.values[8], length * std::sin(angle), 1e-5);
}

TEST(LatentNoiseTest, IndicesChooseDraws) {
  const FloatPlanes batch = SeededNoise(7, {0, 1, 2}, Shape(3, 8, 8));
  const FloatPlanes chosen = SeededNoise(7, {2, 2, 0}, Shape(3, 8, 8));
  EXPECT_EQ(Item(chosen, 0), Item(batch, 2));
  EXPECT_EQ(Item(chosen, 1), Item(batch, 2));
  EXPECT_EQ(Item(chosen, 2), Item(batch, 0));
  EXPECT_NE(Item(batch, 0), Item(batch, 1));
}

TEST(LatentNoiseTest, OnlyTheSeedsLowHalfCounts) {
  EXPECT_EQ(SeededNoise(3, {0}, Shape(1, 8, 8)).values,
            SeededNoise((uint64_t{9} << 32) + 3, {0}, Shape(1, 8, 8)).values);
}

// One draw for the batch falls into the same blocks of 16 as one for each only where they end
// together.
TEST(LatentNoiseTest, TellsWhereOneDrawIsTheSame) {
  EXPECT_TRUE(IsPlainNoise({0, 1}, Shape(2, 8, 8)));
  EXPECT_FALSE(IsPlainNoise({1, 0}, Shape(2, 8, 8)));
  EXPECT_FALSE(IsPlainNoise({0, 1}, Shape(2, 9, 9)));
}

}  // namespace
}  // namespace patchbay::comfyui
