#include "plugins/moma/src/colour_mixture.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace moma {
namespace {

std::vector<Colour> Around(const Colour& centre, double deviation, size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> noise(0, deviation);
  std::vector<Colour> colours;
  for (size_t i = 0; i < count; ++i) {
    Colour colour = centre;
    for (double& channel : colour) channel += noise(random);
    colours.push_back(colour);
  }
  return colours;
}

TEST(ColourMixtureTest, CostsLittleWhereColoursAre) {
  std::vector<Colour> colours = Around({0.2, 0.3, 0.8}, 0.02, 300, 1);
  for (const Colour& colour : Around({0.9, 0.1, 0.1}, 0.02, 100, 2)) colours.push_back(colour);
  const ColourMixture mixture = ColourMixture::Fit(colours).Refitted(colours);
  EXPECT_LT(mixture.Cost({0.2, 0.3, 0.8}), mixture.Cost({0.3, 0.3, 0.8}));
  EXPECT_LT(mixture.Cost({0.9, 0.1, 0.1}), mixture.Cost({0.5, 0.2, 0.5}));
  EXPECT_GT(mixture.Cost({0.5, 0.2, 0.5}), mixture.Cost({0.9, 0.1, 0.1}) + 20);
}

TEST(ColourMixtureTest, IsANormalDistributionOfOneColour) {
  const Colour grey = {0.5, 0.5, 0.5};
  const ColourMixture mixture = ColourMixture::Fit(std::vector<Colour>(10, grey));
  const double deviation = 2.0 / 255;
  EXPECT_NEAR(mixture.Cost(grey), 3 * std::log(deviation), 1e-9);
  // Two deviations away in one channel.
  EXPECT_NEAR(mixture.Cost({0.5 + 2 * deviation, 0.5, 0.5}) - mixture.Cost(grey), 2, 1e-9);
}

}  // namespace
}  // namespace moma
