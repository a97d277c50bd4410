#include "plugins/quantizer/src/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace quantizer {
namespace {

using testing::HasSubstr;

const std::vector<LayerFacts> kLayers = {
    {.diffusers_name = "a", .weights = 1 << 20},
    {.diffusers_name = "b.conv_shortcut", .weights = 1 << 20, .skip_split = 2},
    {.diffusers_name = "never_run", .weights = 1 << 20},
    {.diffusers_name = "small", .weights = 16},
    {.diffusers_name = "x.attn2.to_k", .weights = 1 << 20, .is_from_text = true}};

LayerSelection Selection() {
  Plan plan;
  plan.model = "abc";
  plan.others = {.weight_bits = 8, .activation_bits = 8};
  return LayerSelection(plan, "");
}

TEST(CalibrationTest, ARunIsABatch) {
  Calibration calibration;
  // Two calls in the first run: -1 .. 3. One in the second: 0 .. 5.
  calibration.Observe("a", 0, at::tensor({-1.0f, 2.0f}), 1);
  calibration.Observe("a", 0, at::tensor({0.5f, 3.0f}), 1);
  calibration.Observe("a", 0, at::tensor({1.0f, 5.0f}), 2);
  const Plan plan = calibration.PlanFor(Selection(), kLayers, /*seed=*/1);
  const Range range = *plan.layers.at("a").range;
  // By hand, in one order or the other: 0.95 x 3 + 0.05 x 5 = 3.1, 0.95 x -1 = -0.95; or
  // 0.95 x 5 + 0.05 x 3 = 4.9, 0.05 x -1 = -0.05.
  if (range.high < 4) {
    EXPECT_NEAR(range.high, 3.1f, 1e-6f);
    EXPECT_NEAR(range.low, -0.95f, 1e-6f);
  } else {
    EXPECT_NEAR(range.high, 4.9f, 1e-6f);
    EXPECT_NEAR(range.low, -0.05f, 1e-6f);
  }
}

TEST(CalibrationTest, TheSeedDecidesTheOrder) {
  Calibration calibration;
  for (int i = 0; i < 50; ++i) {
    calibration.Observe("a", 0, at::tensor({static_cast<float>(i + 1)}), i);
  }
  const auto high = [&](uint64_t seed) {
    return calibration.PlanFor(Selection(), kLayers, seed).layers.at("a").range->high;
  };
  EXPECT_EQ(high(1), high(1));
  EXPECT_NE(high(1), high(2));
  // Not what the last runs alone would give: 0.95-weighted from 50 downwards.
  for (const uint64_t seed : {1, 2, 3}) EXPECT_LT(high(seed), 40) << seed;
}

TEST(CalibrationTest, HalvesOfASkipConnectionAreApart) {
  Calibration calibration;
  const at::Tensor x = at::tensor({1.0f, -2.0f, 30.0f, -40.0f}).view({1, 4, 1, 1});
  calibration.Observe("b.conv_shortcut", 2, x, 1);
  const Plan plan = calibration.PlanFor(Selection(), kLayers, 0);
  const PlannedLayer& layer = plan.layers.at("b.conv_shortcut");
  EXPECT_EQ(layer.range->low, -2);
  EXPECT_EQ(layer.range->high, 1);
  EXPECT_EQ(layer.skip_range->low, -40);
  EXPECT_EQ(layer.skip_range->high, 30);
}

TEST(CalibrationTest, ThePlanNamesWhatIsQuantised) {
  Calibration calibration;
  calibration.Observe("a", 0, at::zeros({4}), 1);
  const Plan plan = calibration.PlanFor(Selection(), kLayers, 0);
  EXPECT_EQ(plan.model, "abc");
  EXPECT_EQ(plan.layers.size(), 4u);
  // An input that is always zero has no range, and neither has a layer that was not run.
  EXPECT_FALSE(plan.layers.at("a").range);
  EXPECT_FALSE(plan.layers.at("never_run").range);
  EXPECT_EQ(plan.layers.count("small"), 0u);
  EXPECT_EQ(plan.layers.at("x.attn2.to_k").activation_bits, 16);
  EXPECT_EQ(plan.others.weight_bits, 16);
}

TEST(CalibrationTest, NumbersThatAreNotFiniteAreNamed) {
  Calibration calibration;
  try {
    calibration.Observe("a", 0, at::tensor({1.0f, NAN}), 1);
    FAIL();
  } catch (const c10::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("a: calibration met numbers that are not finite"));
  }
}

}  // namespace
}  // namespace quantizer
