#include "plugins/moma/src/graph_cut.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace moma {
namespace {

double CostOf(const std::vector<bool>& labels, const std::vector<PixelCost>& pixels,
              const std::vector<Link>& links) {
  double cost = 0;
  for (size_t i = 0; i < pixels.size(); ++i) {
    cost += labels[i] ? pixels[i].subject : pixels[i].background;
  }
  for (const Link& link : links) {
    if (labels[link.one] != labels[link.other]) cost += link.cost;
  }
  return cost;
}

TEST(GraphCutTest, IsTheBestOfAllLabels) {
  std::mt19937 random(5);
  std::uniform_real_distribution<double> number(0, 4);
  constexpr size_t kPixels = 9;
  for (int trial = 0; trial < 50; ++trial) {
    std::vector<PixelCost> pixels;
    std::vector<Link> links;
    for (size_t i = 0; i < kPixels; ++i) {
      pixels.push_back({number(random), number(random)});
      if (i % 3 != 2) links.push_back({i, i + 1, number(random) / 2});
      if (i + 3 < kPixels) links.push_back({i, i + 3, number(random) / 2});
    }
    double least = std::numeric_limits<double>::infinity();
    for (size_t bits = 0; bits < (1U << kPixels); ++bits) {
      std::vector<bool> labels(kPixels);
      for (size_t i = 0; i < kPixels; ++i) labels[i] = (bits >> i & 1) != 0;
      least = std::min(least, CostOf(labels, pixels, links));
    }
    EXPECT_NEAR(CostOf(LeastCostLabels(pixels, links), pixels, links), least, 1e-9);
  }
}

}  // namespace
}  // namespace moma
