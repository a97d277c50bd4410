#include "plugins/quantizer/src/fake_quantization.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "plugins/quantizer/src/range_tracker.h"

namespace quantizer {
namespace {

std::vector<float> Values(const at::Tensor& tensor) {
  const at::Tensor full = tensor.to(at::kFloat).contiguous();
  return {full.const_data_ptr<float>(), full.const_data_ptr<float>() + full.numel()};
}

void ExpectNear(const at::Tensor& tensor, const std::vector<float>& expected, float tolerance) {
  ASSERT_EQ(tensor.numel(), static_cast<int64_t>(expected.size()));
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(Values(tensor)[i], expected[i], tolerance) << i;
  }
}

// By hand: the range is 2.01; in 8 bits the step is 2.01 / 255 = 0.00788235 and zero 0.31 / step =
// 39.3; in 4 bits the step is 2.01 / 15 = 0.134 and zero 2.3.
TEST(FakeQuantizationTest, AsymmetricGoldenValues) {
  const at::Tensor x = at::tensor({-0.31f, 0.0f, 0.5f, 1.7f});
  const QuantizedNumbers eight = QuantizeAsymmetric(x, 8);
  EXPECT_NEAR(eight.step.item<float>(), 0.00788235f, 1e-8f);
  EXPECT_EQ(eight.zero.item<float>(), 39);
  EXPECT_EQ(Values(eight.integers), (std::vector<float>{0, 39, 102, 255}));
  ExpectNear(eight.Numbers(), {-0.307412f, 0, 0.496588f, 1.702588f}, 1e-6f);
  const QuantizedNumbers four = QuantizeAsymmetric(x, 4);
  EXPECT_NEAR(four.step.item<float>(), 0.134f, 1e-7f);
  EXPECT_EQ(four.zero.item<float>(), 2);
  EXPECT_EQ(Values(four.integers), (std::vector<float>{0, 2, 6, 15}));
}

// By hand: 0.4 / 127, 0.4 / 7 and 0.4 / 1.
TEST(FakeQuantizationTest, SymmetricGoldenValues) {
  const at::Tensor weight = at::tensor({0.02f, -0.4f, 0.127f}).view({1, 3});
  EXPECT_NEAR(QuantizeSymmetric(weight, 8).step.item<float>(), 0.00314961f, 1e-8f);
  EXPECT_EQ(Values(QuantizeSymmetric(weight, 8).integers), (std::vector<float>{6, -127, 40}));
  EXPECT_NEAR(QuantizeSymmetric(weight, 4).step.item<float>(), 0.0571429f, 1e-7f);
  EXPECT_EQ(Values(QuantizeSymmetric(weight, 4).integers), (std::vector<float>{0, -7, 2}));
  EXPECT_NEAR(QuantizeSymmetric(weight, 2).step.item<float>(), 0.4f, 1e-7f);
  EXPECT_EQ(Values(QuantizeSymmetric(weight, 2).integers), (std::vector<float>{0, -1, 0}));
}

TEST(FakeQuantizationTest, RangesIncludeZero) {
  const QuantizedNumbers positive = QuantizeAsymmetric(at::tensor({2.0f, 5.1f}), 8);
  EXPECT_EQ(Values(positive.integers), (std::vector<float>{100, 255}));
  const QuantizedNumbers negative = QuantizeAsymmetric(at::tensor({-5.1f, -2.0f}), 8);
  EXPECT_EQ(Values(negative.integers), (std::vector<float>{0, 155}));
  EXPECT_EQ(Values(QuantizeAsymmetric(at::zeros({3}), 8).Numbers()), (std::vector<float>{0, 0, 0}));
}

// MixDQ's code gives every output the step 1e-6 when one of them is dead.
TEST(FakeQuantizationTest, ADeadOutputLeavesOthersAlone) {
  at::Tensor weight = at::randn({3, 16});
  weight[1].zero_();
  const QuantizedNumbers quantized = QuantizeSymmetric(weight, 8);
  EXPECT_TRUE(at::equal(quantized.Numbers()[1], at::zeros({16})));
  EXPECT_LT((quantized.Numbers() - weight).abs().max().item<float>(), 0.02f);
}

// By hand: 0.95 x 1 + 0.05 x 2 = 1.05; 0.95 x 1.05 + 0.05 x 3 = 1.1475.
TEST(RangeTrackerTest, FollowsBatchesSlowly) {
  RangeTracker tracker;
  EXPECT_FALSE(tracker.range().has_value());
  tracker.Add(RangeOf(at::tensor({0.5f, 1.0f})));
  EXPECT_EQ(tracker.range()->low, 0);
  EXPECT_EQ(tracker.range()->high, 1);
  tracker.Add(RangeOf(at::tensor({2.0f})));
  EXPECT_NEAR(tracker.range()->high, 1.05f, 1e-6f);
  tracker.Add(RangeOf(at::tensor({3.0f, -1.0f})));
  EXPECT_NEAR(tracker.range()->high, 1.1475f, 1e-6f);
  EXPECT_NEAR(tracker.range()->low, -0.05f, 1e-6f);
  EXPECT_THROW(RangeOf(at::tensor({1.0f, NAN})), c10::Error);
}

}  // namespace
}  // namespace quantizer
