#include "plugins/quantizer/src/sensitivity.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace quantizer {
namespace {

TEST(SensitivityTest, SignalToNoiseIsInDecibels) {
  const at::Tensor exact = at::tensor({3.0f, -4.0f});
  // 25 / (0.3^2 + 0.4^2) = 100: 20 dB.
  NoiseMeter meter;
  meter.Add(exact, exact * 1.1);
  EXPECT_NEAR(meter.Decibels(), 20.0, 1e-4);
  // As much signal again without noise: 50 / 0.25 = 200, 23.0103 dB.
  meter.Add(exact, exact);
  EXPECT_NEAR(meter.Decibels(), 23.0103, 1e-4);
  NoiseMeter equal;
  equal.Add(exact, exact);
  EXPECT_TRUE(std::isinf(equal.Decibels()));
  EXPECT_THROW(equal.Add(exact, at::zeros({3})), c10::Error);
}

TEST(SensitivityTest, SimilarityFallsWithWhatIsSeen) {
  const at::Tensor picture = at::linspace(-1, 1, 63).view({1, 1, 1, 63}).repeat({1, 3, 63, 1});
  EXPECT_NEAR(StructuralSimilarity(picture, picture), 1.0, 1e-9);
  const double noisy = StructuralSimilarity(picture, picture + 0.05 * at::randn_like(picture));
  const double turned = StructuralSimilarity(picture, -picture);
  EXPECT_LT(noisy, 1.0);
  EXPECT_GT(noisy, 0.9);
  EXPECT_LT(turned, -0.9);
}

// One window over a picture of two values, by hand: x = y + 0.5, so covariance and variances agree
// and only the luminance term (2 mx my + c1) / (mx^2 + my^2 + c1) is left: my = 0, mx = 0.5, c1 =
// 0.02^2.
TEST(SensitivityTest, SimilarityByHand) {
  at::Tensor y = at::full({1, 1, 3, 3}, 0.25);
  y.slice(3, 0, 1).fill_(-0.5);
  EXPECT_NEAR(y.mean().item<double>(), 0.0, 1e-7);
  EXPECT_NEAR(StructuralSimilarity(y + 0.5, y), 0.0004 / (0.25 + 0.0004), 1e-6);
}

TEST(SensitivityTest, ContentIsFeedForwardAndCrossAttention) {
  const std::string block = "down_blocks.0.attentions.0.transformer_blocks.0.";
  EXPECT_EQ(ClassOf(block + "ff.net.2"), LayerClass::kContent);
  EXPECT_EQ(ClassOf(block + "attn2.to_q"), LayerClass::kContent);
  EXPECT_EQ(ClassOf(block + "attn1.to_q"), LayerClass::kQuality);
  EXPECT_EQ(ClassOf("up_blocks.1.resnets.0.conv_shortcut"), LayerClass::kQuality);
}

}  // namespace
}  // namespace quantizer
