#include "plugins/quantizer/src/bit_allocation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>

namespace quantizer {
namespace {

std::vector<AllocatedLayer> RandomLayers(std::mt19937& generator) {
  std::uniform_real_distribution<double> uniform(0.0, 1.0);
  std::vector<AllocatedLayer> layers(2 + generator() % 7);
  for (AllocatedLayer& layer : layers) {
    layer.size = 0.1 + uniform(generator);
    // More bits are seldom worse, but may be.
    double value = uniform(generator);
    for (const double bits : {2.0, 4.0, 8.0}) {
      layer.options.push_back({bits, value});
      value += uniform(generator) - 0.05;
    }
  }
  return layers;
}

double BruteForce(const std::vector<AllocatedLayer>& layers, double budget) {
  size_t count = 1;
  for (size_t i = 0; i < layers.size(); ++i) count *= 3;
  double best = -1e300;
  for (size_t code = 0; code < count; ++code) {
    double value = 0;
    double bits = 0;
    size_t rest = code;
    for (const AllocatedLayer& layer : layers) {
      const BitOption& option = layer.options[rest % 3];
      value += option.value;
      bits += option.bits * layer.size;
      rest /= 3;
    }
    if (bits <= budget) best = std::max(best, value);
  }
  return best;
}

TEST(BitAllocationTest, IsNearlyAlwaysTheBest) {
  std::mt19937 generator(1);
  std::uniform_real_distribution<double> mean(2.2, 8.0);
  int equal = 0;
  constexpr int kCases = 500;
  for (int i = 0; i < kCases; ++i) {
    const std::vector<AllocatedLayer> layers = RandomLayers(generator);
    double size = 0;
    for (const AllocatedLayer& layer : layers) size += layer.size;
    const double budget = mean(generator) * size;
    const BitAllocation found = AllocateBits(layers, budget);
    const double best = BruteForce(layers, budget);
    EXPECT_LE(found.bits, budget * (1 + 1e-6));
    EXPECT_LE(best, found.bound + 1e-6);
    EXPECT_LE(found.value, best + 1e-9);
    equal += found.value > best - 1e-9;
  }
  EXPECT_GE(equal, kCases * 95 / 100);
}

TEST(BitAllocationTest, AModelsAllocationIsCloseToItsBound) {
  std::mt19937 generator(2);
  std::uniform_real_distribution<double> uniform(0.0, 1.0);
  std::vector<AllocatedLayer> layers(794);
  double size = 0;
  for (AllocatedLayer& layer : layers) {
    layer.size = 0.01 + uniform(generator);
    size += layer.size;
    const double most = uniform(generator);
    layer.options = {
        {2, most - 0.1 * uniform(generator)}, {4, most - 0.01 * uniform(generator)}, {8, most}};
  }
  const BitAllocation found = AllocateBits(layers, 4 * size);
  EXPECT_LE(found.bits, 4 * size * (1 + 1e-6));
  EXPECT_GT(found.value, found.bound - 1e-4 * std::abs(found.bound));
}

TEST(BitAllocationTest, UnlimitedBitsGiveEachLayerItsBest) {
  const BitAllocation found =
      AllocateBits({{1, {{4, 0.5}, {8, 0.9}}}, {2, {{4, 0.7}, {8, 0.6}}}}, 99);
  EXPECT_EQ(found.chosen, (std::vector<size_t>{1, 0}));
  EXPECT_DOUBLE_EQ(found.value, 1.6);
  EXPECT_DOUBLE_EQ(found.bits, 16);
}

TEST(BitAllocationTest, SaysWhatIsWrong) {
  EXPECT_THROW(AllocateBits({{1, {{4, 0.5}}}}, 3), std::invalid_argument);
  EXPECT_THROW(AllocateBits({{1, {}}}, 3), std::invalid_argument);
  EXPECT_THROW(AllocateBits({{0, {{4, 0.5}}}}, 30), std::invalid_argument);
  EXPECT_THROW(AllocateBits({{1, {{4, std::nan("")}}}}, 30), std::invalid_argument);
}

TEST(BitAllocationTest, GroupsShareTheAverage) {
  // Worked by hand for SDXL's share of content weights, r = 2.2418226:
  // 5 (1 + r) / (0.46 r + 1) = 16.209113 / 2.031238 = 7.97992.
  const GroupMeans few = SplitAverage(5, 0.46, 2.2418226);
  EXPECT_NEAR(few.quality, 7.980, 1e-3);
  EXPECT_NEAR(few.content, 3.671, 1e-3);
  const GroupMeans many = SplitAverage(5, 1.36, 2.2418226);
  EXPECT_NEAR(many.quality, 4.003, 1e-3);
  EXPECT_NEAR(many.content, 5.445, 1e-3);
}

}  // namespace
}  // namespace quantizer
