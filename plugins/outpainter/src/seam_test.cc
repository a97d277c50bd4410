#include "plugins/outpainter/src/seam.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "plugins/filling/src/smooth_fill.h"

namespace outpainter {
namespace {

TEST(SeamTest, FeathersInsideTheEdgeOnly) {
  at::Tensor known = at::zeros({1, 1, 32, 32});
  known.slice(3, 8, 32).fill_(1);  // reaches the canvas's right, upper and lower border
  const at::Tensor weight = FeatheredKnown(known, 6);
  EXPECT_EQ(weight.slice(3, 0, 8).max().item<float>(), 0);
  EXPECT_EQ(weight.slice(3, 14, 32).min().item<float>(), 1);
  for (int64_t x = 8; x < 14; ++x) {
    EXPECT_GT(weight[0][0][16][x].item<float>(), weight[0][0][16][x - 1].item<float>());
    EXPECT_LT(weight[0][0][16][x].item<float>(), 1);
  }
  EXPECT_TRUE(at::equal(FeatheredKnown(known, 0), known));
}

// Beside the definition: how far each pixel is from the nearest painted one, looked for in all.
TEST(SeamTest, FeathersByTheDistanceToTheNearestPaintedPixel) {
  constexpr int64_t kSide = 24;
  constexpr int kFeathering = 7;
  at::manual_seed(3);
  const at::Tensor known = (at::rand({2, 1, kSide, kSide}) < 0.97).to(at::kFloat);
  const at::Tensor weight = FeatheredKnown(known, kFeathering);
  for (int64_t i = 0; i < known.numel(); ++i) {
    const at::Tensor frame = known[i / (kSide * kSide)][0];
    const int64_t y = i / kSide % kSide, x = i % kSide;
    int64_t nearest = kSide;
    for (const at::Tensor& painted : at::nonzero(frame == 0).unbind(0)) {
      const int64_t far = std::max(std::abs(painted[0].item<int64_t>() - y),
                                   std::abs(painted[1].item<int64_t>() - x));
      nearest = std::min(nearest, far);
    }
    const double share = std::clamp((static_cast<double>(nearest) - 0.5) / kFeathering, 0.0, 1.0);
    EXPECT_NEAR(weight.flatten()[i].item<float>(), share * share * (3 - 2 * share), 1e-6) << i;
  }
}

// A known left part.
at::Tensor KnownLeft(int64_t height, int64_t width, int64_t columns) {
  at::Tensor known = at::zeros({1, 1, height, width});
  known.slice(3, 0, columns).fill_(1);
  return known;
}

float LargestDifference(const at::Tensor& one, const at::Tensor& other) {
  return (one - other).abs().max().item<float>();
}

TEST(SeamTest, AMembraneIsTheMeanOfItsNeighbours) {
  at::Tensor known = at::ones({1, 1, 20, 20});
  known.slice(2, 7, 13).slice(3, 7, 13).fill_(0);
  const at::Tensor values = at::rand({2, 3, 20, 20});
  const at::Tensor filled = ExtendedAsMembrane(values, known);
  const at::Tensor is_known = known.expand_as(values) > 0;
  EXPECT_TRUE(at::equal(filled.masked_select(is_known), values.masked_select(is_known)));
  const auto at = [&](int64_t y, int64_t x) {
    return filled.slice(2, 7 + y, 13 + y).slice(3, 7 + x, 13 + x);
  };
  const at::Tensor mean = (at(-1, 0) + at(1, 0) + at(0, -1) + at(0, 1)) / 4;
  EXPECT_LT(LargestDifference(at(0, 0), mean), 0.01);
}

// Beside one that was left to settle, whose values at the edge change from pixel to pixel.
TEST(SeamTest, AMembraneIsNearlySettled) {
  at::manual_seed(5);
  const at::Tensor known = KnownLeft(24, 48, 8);
  const at::Tensor slow = at::upsample_bilinear2d(at::rand({1, 1, 6, 12}), {24, 48}, false);
  const at::Tensor values = at::rand({1, 1, 24, 48}) + 2 * slow;
  const at::Tensor filled = ExtendedAsMembrane(values, known);
  at::Tensor settled = filled;
  for (int i = 0; i < 3000; ++i) {
    settled = at::where(known > 0, values, filling::SumOfNeighbours(settled) / 4);
  }
  EXPECT_LT(LargestDifference(filled, settled), 0.15);
}

TEST(SeamTest, AMembraneOverOneValueIsThatValue) {
  const at::Tensor filled = ExtendedAsMembrane(at::full({1, 3, 9, 30}, 0.3), KnownLeft(9, 30, 5));
  EXPECT_LT(LargestDifference(filled, at::full_like(filled, 0.3)), 1e-5);
}

TEST(SeamTest, ReachesAsFarAsItIsTold) {
  const at::Tensor known = KnownLeft(2, 10, 4);
  const at::Tensor picture = at::rand({1, 3, 2, 10});
  const at::Tensor reach = OnCanvas(picture, known, 0, 4).reach[0][0][1];
  EXPECT_TRUE(
      at::allclose(reach, at::tensor({1.f, 1.f, 1.f, 1.f, 1.f, .75f, .5f, .25f, 0.f, 0.f})));
  EXPECT_TRUE(at::equal(OnCanvas(picture, known, 0, 0).reach, known));
}

// What was painted is off by a constant: beside the edge it is put right, far from it it is not.
TEST(SeamTest, TakesTheDifferenceOffBeyondTheEdge) {
  const at::Tensor picture = at::rand({1, 3, 16, 64});
  const at::Tensor laid =
      LaidOver(picture.repeat({2, 1, 1, 1}) - 0.1, OnCanvas(picture, KnownLeft(16, 64, 24), 0, 16));
  EXPECT_TRUE(at::equal(laid.slice(3, 0, 24), picture.slice(3, 0, 24).repeat({2, 1, 1, 1})));
  EXPECT_LT(LargestDifference(laid.slice(3, 24, 25), picture.slice(3, 24, 25)), 1e-4);
  EXPECT_LT(LargestDifference(laid.slice(3, 40, 64), picture.slice(3, 40, 64) - 0.1), 1e-6);
}

// A detail that was not painted stands at the edge: beside it there is all of it, some pixels on
// next to nothing.
TEST(SeamTest, DetailsGoStraightOnForAFewPixels) {
  at::Tensor picture = at::zeros({1, 3, 33, 64});
  picture.slice(2, 16, 17).fill_(1);
  const at::Tensor row =
      LaidOver(at::zeros_like(picture), OnCanvas(picture, KnownLeft(33, 64, 24), 0, 32))[0][0][16];
  EXPECT_NEAR(row[24].item<float>(), 1, 1e-4);
  EXPECT_LT(row[30].item<float>(), 0.15);
  for (int64_t x = 24; x < 40; ++x) EXPECT_LE(row[x + 1].item<float>(), row[x].item<float>());
}

TEST(SeamTest, WithoutBlendingNothingBeyondTheEdgeChanges) {
  const at::Tensor picture = at::rand({1, 3, 16, 32});
  const at::Tensor painted = at::rand({1, 3, 16, 32});
  const at::Tensor laid = LaidOver(painted, OnCanvas(picture, KnownLeft(16, 32, 20), 4, 0));
  EXPECT_TRUE(at::equal(laid.slice(3, 20, 32), painted.slice(3, 20, 32)));
  EXPECT_TRUE(at::equal(laid.slice(3, 0, 16), picture.slice(3, 0, 16)));
}

}  // namespace
}  // namespace outpainter
