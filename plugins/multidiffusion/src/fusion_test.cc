#include "plugins/multidiffusion/src/fusion.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace multidiffusion {
namespace {

Size SizeOf(const at::Tensor& latent) { return {latent.size(2), latent.size(3)}; }

// What comes of windows that say what is there already.
at::Tensor Fused(const at::Tensor& latent, const Tiling& tiling, Weighting weighting) {
  const std::vector<Window> windows = WindowsOver(tiling, SizeOf(latent));
  const Fusion fusion(SizeOf(latent), windows, weighting);
  at::Tensor canvas = at::zeros_like(latent);
  for (const Window& window : windows) {
    AddAt(canvas, window, Crop(latent, window) * fusion.ShareOf(window));
  }
  return canvas;
}

// Every pixel is covered, and shares add up to 1: otherwise something would be missing here.
TEST(FusionTest, WindowsThatAgreeAreTheCanvas) {
  for (const Weighting weighting : {Weighting::kUniform, Weighting::kGaussian}) {
    for (const bool wraps : {false, true}) {
      for (const int64_t stride : {1, 3, 8, 16}) {
        for (const Size canvas : {Size{16, 45}, Size{9, 33}, Size{35, 16}, Size{20, 7}}) {
          const at::Tensor latent = at::randn({2, 4, canvas.height, canvas.width});
          const Tiling tiling{.window = 16, .stride = stride, .wraps = wraps};
          EXPECT_TRUE(at::allclose(Fused(latent, tiling, weighting), latent, 1e-5, 1e-6))
              << canvas.height << "x" << canvas.width << " stride " << stride;
        }
      }
    }
  }
}

TEST(FusionTest, UniformWeightsAverage) {
  const std::vector<Window> windows = WindowsOver({.window = 4, .stride = 2}, {4, 6});
  ASSERT_EQ(windows.size(), 2U);
  const Fusion fusion({4, 6}, windows, Weighting::kUniform);
  // The first is alone in two columns and shares two.
  const at::Tensor expected = at::tensor({1.0F, 1.0F, 0.5F, 0.5F}).expand({4, 4});
  EXPECT_TRUE(at::equal(fusion.ShareOf(windows[0]), expected));
}

// exp(-(x - m)^2 / (2 * 0.01 * side^2)), from the reference's formula.
TEST(FusionTest, GaussianWeightsFallFromTheMiddle) {
  const at::Tensor weights = WindowWeights(Weighting::kGaussian, {5, 10});
  const double middle = weights[2][4].item<double>();
  EXPECT_NEAR(middle, std::exp(-0.5 * 0.5 / (2 * 0.01 * 100)), 1e-12);
  EXPECT_NEAR(weights[0][4].item<double>() / middle, std::exp(-2.0 * 2.0 / (2 * 0.01 * 25)), 1e-12);
  EXPECT_TRUE(at::equal(weights, weights.flip({0, 1})));
}

TEST(FusionTest, CropsAcrossTheSeam) {
  const at::Tensor latent = at::arange(6).view({1, 1, 1, 6});
  const Window window{0, 4, 1, 4};
  EXPECT_TRUE(at::equal(Crop(latent, window).flatten(), at::tensor({4, 5, 0, 1})));
  at::Tensor canvas = at::zeros_like(latent);
  AddAt(canvas, window, at::tensor({1, 2, 3, 4}).view({1, 1, 1, 4}));
  EXPECT_TRUE(at::equal(canvas.flatten(), at::tensor({3, 4, 0, 0, 1, 2})));
}

TEST(FusionTest, KeepsPicturesOfABatchApart) {
  const at::Tensor latent = at::stack({at::zeros({4, 8, 24}), at::ones({4, 8, 24})});
  const at::Tensor fused = Fused(latent, {.window = 8, .stride = 4}, Weighting::kGaussian);
  EXPECT_TRUE(at::equal(fused[0], latent[0]));
  EXPECT_TRUE(at::allclose(fused[1], latent[1]));
}

}  // namespace
}  // namespace multidiffusion
