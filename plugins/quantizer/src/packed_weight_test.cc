#include "plugins/quantizer/src/packed_weight.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace quantizer {
namespace {

double SignalToNoise(const at::Tensor& exact, const at::Tensor& approximate) {
  const double noise = (exact - approximate).to(at::kDouble).square().sum().item<double>();
  return 10 * std::log10(exact.to(at::kDouble).square().sum().item<double>() / noise);
}

TEST(PackedWeightTest, EightBitsAreOneStepAnOutput) {
  for (const at::Tensor& weight : {at::randn({70, 33}), at::randn({5, 12, 3, 3})}) {
    const at::Tensor rows = weight.reshape({weight.size(0), -1});
    const at::Tensor step = std::get<0>(rows.abs().max(1, /*keepdim=*/true)) / 127;
    const at::Tensor expected = ((rows / step).round().clamp(-127, 127) * step).view_as(weight);
    const PackedWeight packed(weight, {}, {.bits = 8});
    EXPECT_EQ(packed.Dequantized().sizes(), weight.sizes());
    EXPECT_LT((packed.Dequantized() - expected).abs().max().item<float>(), 1e-6);
  }
}

TEST(PackedWeightTest, FourBitsAreStepsOfGroups) {
  // The quantisation noise of 15 levels spread evenly over normal weights is about 19 dB below
  // them: groups of 64 reach to 2.4 deviations on average, so a step is 0.34 and noise 0.34^2 / 12.
  for (const at::Tensor& weight : {at::randn({70, 640}), at::randn({64, 320, 3, 3})}) {
    const PackedWeight packed(weight, {}, {.bits = 4});
    const double quality = SignalToNoise(weight, packed.Dequantized());
    EXPECT_GT(quality, 19);
    EXPECT_LT(quality, 23);
  }
}

TEST(PackedWeightTest, GroupsKeepSmallWeightsBesideLargeOnes) {
  at::Tensor weight = at::randn({64, 128});
  weight.narrow(1, 0, 64) *= 10;
  const at::Tensor packed = PackedWeight(weight, {}, {.bits = 4}).Dequantized();
  EXPECT_GT(SignalToNoise(weight.narrow(1, 64, 64), packed.narrow(1, 64, 64)), 15);
}

TEST(PackedWeightTest, MemoryIsWhatTheBitsSay) {
  const at::Tensor weight = at::randn({1280, 1280});
  const double count = 1280.0 * 1280.0;
  EXPECT_LT(static_cast<double>(PackedWeight(weight, {}, {.bits = 8}).bytes()), 1.01 * count);
  EXPECT_LT(static_cast<double>(PackedWeight(weight, {}, {.bits = 4}).bytes()), 0.53 * count);
}

TEST(PackedWeightTest, RotationTurnsBack) {
  for (const at::Tensor& weight : {at::randn({70, 128}), at::randn({8, 64, 3, 3})}) {
    const PackedWeight packed(weight, {}, {.bits = 8, .rotate = true});
    EXPECT_TRUE(packed.rotated());
    EXPECT_GT(SignalToNoise(weight, packed.Dequantized()), 38);
  }
  EXPECT_FALSE(PackedWeight(at::randn({8, 65}), {}, {.bits = 8, .rotate = true}).rotated());
}

TEST(PackedWeightTest, DeadOutputsStayDeadAndLeaveOthersAlone) {
  at::Tensor weight = at::randn({8, 64});
  weight[3].zero_();
  for (const int bits : {8, 4}) {
    const at::Tensor back = PackedWeight(weight, {}, {.bits = bits}).Dequantized();
    EXPECT_TRUE(at::equal(back[3], at::zeros({64})));
    EXPECT_GT(SignalToNoise(weight, back), 18);
  }
}

TEST(PackedWeightTest, RefusesWhatItCannotHold) {
  at::Tensor weight = at::randn({8, 64});
  weight[2][7] = std::nanf("");
  EXPECT_THROW(PackedWeight(weight, {}, {.bits = 8}), c10::Error);
  EXPECT_THROW(PackedWeight(weight, {}, {.bits = 4}), c10::Error);
  EXPECT_THROW(PackedWeight(at::ones({1, 70000}), {}, {.bits = 8}), c10::Error);
  EXPECT_THROW(PackedWeight(at::ones({8, 64}), {}, {.bits = 5}), c10::Error);
}

}  // namespace
}  // namespace quantizer
