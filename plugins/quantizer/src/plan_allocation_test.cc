#include "plugins/quantizer/src/plan_allocation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

namespace quantizer {
namespace {

using testing::HasSubstr;

LayerSensitivity Layer(LayerClass layer_class, int64_t size, double four, double eight,
                       double activations) {
  return {layer_class, {size, {{4, four}, {8, eight}}}, {size, {{8, activations}}}};
}

// Two layers of each class, all of the same size; the second of each suffers more.
Sensitivity Four() {
  Sensitivity sensitivity;
  sensitivity.model = "abc";
  sensitivity.layers["content.a"] = Layer(LayerClass::kContent, 100, 0.99, 0.999, 0.998);
  sensitivity.layers["content.b"] = Layer(LayerClass::kContent, 100, 0.90, 0.999, 0.990);
  sensitivity.layers["quality.a"] = Layer(LayerClass::kQuality, 100, 40, 50, 45);
  sensitivity.layers["quality.b"] = Layer(LayerClass::kQuality, 100, 20, 50, 30);
  return sensitivity;
}

Plan Base() {
  Plan plan;
  plan.model = "abc";
  plan.others = {.weight_bits = 8, .activation_bits = 8};
  return plan;
}

int Weights(const Plan& plan, const std::string& name) { return plan.layers.at(name).weight_bits; }

TEST(PlanAllocationTest, EachClassGetsItsShare) {
  const Plan plan = AllocatePlan(Four(), {.weights = 6}, Base());
  EXPECT_EQ(plan.layers.size(), 4u);
  EXPECT_EQ(Weights(plan, "content.a"), 4);
  EXPECT_EQ(Weights(plan, "content.b"), 8);
  EXPECT_EQ(Weights(plan, "quality.a"), 4);
  EXPECT_EQ(Weights(plan, "quality.b"), 8);
  EXPECT_EQ(AverageWeightBits(Four(), plan), 6);
  for (const auto& [name, layer] : plan.layers) EXPECT_EQ(layer.activation_bits, 8) << name;
}

TEST(PlanAllocationTest, TheRatioShiftsBits) {
  // Half of the weights in each class: quality (8 - 8/3) = 5.33 x 1.5 = 8 for content.
  const double average = (8 + 8 / 1.5) / 2;
  const Plan plan = AllocatePlan(Four(), {.weights = average, .content_ratio = 1.5}, Base());
  EXPECT_EQ(Weights(plan, "content.a"), 8);
  EXPECT_EQ(Weights(plan, "content.b"), 8);
  EXPECT_EQ(Weights(plan, "quality.a"), 4);
  EXPECT_EQ(Weights(plan, "quality.b"), 4);
}

TEST(PlanAllocationTest, RatiosAreThoseThatBothClassesCanKeep) {
  EXPECT_EQ(ContentRatios(Four(), 8), std::vector<double>{1.0});
  EXPECT_EQ(ContentRatios(Four(), 4), std::vector<double>{1.0});
  // At 6 bits and equal sizes, ratio 0.46 would leave content 3.78 bits; 0.56 gives 4.3 and 7.7.
  const std::vector<double> ratios = ContentRatios(Four(), 6);
  EXPECT_EQ(ratios.size(), 10u);
  EXPECT_NEAR(ratios.front(), 0.56, 1e-12);
  EXPECT_NEAR(ratios[8], 1.36, 1e-12);
  for (const double ratio : ratios) {
    const BitBudget budget = {.weights = 6, .content_ratio = ratio};
    EXPECT_LE(AverageWeightBits(Four(), AllocatePlan(Four(), budget, Base())), 6);
  }
}

TEST(PlanAllocationTest, ProtectsTheActivationsThatSufferMost) {
  const Plan plan = AllocatePlan(Four(), {.weights = 8, .activations = 12}, Base());
  EXPECT_EQ(plan.layers.at("content.a").activation_bits, 8);
  EXPECT_EQ(plan.layers.at("content.b").activation_bits, 16);
  EXPECT_EQ(plan.layers.at("quality.a").activation_bits, 8);
  EXPECT_EQ(plan.layers.at("quality.b").activation_bits, 16);
  // What it writes is a plan.
  EXPECT_EQ(ParsePlan(WritePlan(plan)).layers.size(), 4u);
}

TEST(PlanAllocationTest, RefinesAPlan) {
  Plan base = Base();
  base.layers["quality.a"] = {.weight_bits = 8, .activation_bits = 8, .range = Range{-1, 2}};
  base.layers["quality.b"] = {.weight_bits = 8, .activation_bits = 8, .range = Range{-3, 4}};
  base.layers["content.a"] = {.weight_bits = 8, .activation_bits = 8, .rotate = true};
  base.layers["not measured"] = {.weight_bits = 4, .activation_bits = 16};
  const Plan plan = AllocatePlan(Four(), {.weights = 6, .activations = 12}, base);
  EXPECT_EQ(plan.layers.at("quality.a").range->high, 2);
  // Floating point needs none.
  EXPECT_FALSE(plan.layers.at("quality.b").range);
  EXPECT_TRUE(plan.layers.at("content.a").rotate);
  EXPECT_EQ(Weights(plan, "not measured"), 4);
}

TEST(PlanAllocationTest, SaysWhatIsWrong) {
  EXPECT_THROW(AllocatePlan(Four(), {.weights = 3}, Base()), std::invalid_argument);
  EXPECT_THROW(AllocatePlan(Four(), {.weights = std::nan("")}, Base()), std::invalid_argument);
  EXPECT_THROW(AllocatePlan(Four(), {.weights = 8, .activations = 17}, Base()),
               std::invalid_argument);
  EXPECT_THROW(AllocatePlan(Four(), {.weights = 8, .content_ratio = 0.5}, Base()),
               std::invalid_argument);
  Sensitivity sensitivity = Four();
  sensitivity.layers["quality.a"].weights.values.erase(4);
  try {
    AllocatePlan(sensitivity, {.weights = 6}, Base());
    FAIL();
  } catch (const DocumentError& error) {
    EXPECT_THAT(error.what(), HasSubstr("/layers/quality.a/weights/4: is missing"));
  }
}

// One class only has the whole budget.
TEST(PlanAllocationTest, AModelMayHaveOneClass) {
  Sensitivity sensitivity = Four();
  sensitivity.layers.erase("content.a");
  sensitivity.layers.erase("content.b");
  EXPECT_EQ(ContentRatios(sensitivity, 6), std::vector<double>{1.0});
  const Plan plan = AllocatePlan(sensitivity, {.weights = 6}, Base());
  EXPECT_EQ(Weights(plan, "quality.a"), 4);
  EXPECT_EQ(Weights(plan, "quality.b"), 8);
}

}  // namespace
}  // namespace quantizer
