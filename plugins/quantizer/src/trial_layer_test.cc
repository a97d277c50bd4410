#include "plugins/quantizer/src/trial_layer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "plugins/quantizer/src/fake_quantization.h"

namespace quantizer {
namespace {

double Relative(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

TEST(TrialLayerTest, QuantisesTheWeightAlone) {
  at::manual_seed(1);
  const at::Tensor weight = at::randn({96, 128});
  const at::Tensor bias = at::randn({96});
  const at::Tensor x = at::randn({2, 5, 128});
  const TrialLayer layer(weight, bias, {});
  const at::Tensor rounded = QuantizeSymmetric(weight, 8).Numbers();
  EXPECT_LT(Relative(layer.WithQuantizedWeight(x, std::nullopt, 8), at::linear(x, rounded, bias)),
            1e-6);
  // 4 bits with a scale for 64 inputs: about 16 times coarser.
  const at::Tensor exact = at::linear(x, weight, bias);
  const double eight = Relative(layer.WithQuantizedWeight(x, std::nullopt, 8), exact);
  const double four = Relative(layer.WithQuantizedWeight(x, std::nullopt, 4), exact);
  EXPECT_GT(four, 5 * eight);
  EXPECT_LT(four, 0.2);
}

TEST(TrialLayerTest, QuantisesTheInputAlone) {
  at::manual_seed(2);
  const at::Tensor weight = at::randn({32, 16, 3, 3});
  const at::Tensor bias = at::randn({32});
  const at::Tensor x = at::randn({2, 16, 8, 8});
  const Geometry geometry = {.kernel = 3, .stride = 2, .padding = 1};
  const TrialLayer layer(weight, bias, {});
  const at::Tensor exact = at::conv2d(x, weight, bias, 2, 1);
  const at::Tensor wanted =
      at::conv2d(QuantizeAsymmetric(x, 8).Numbers(), weight, bias, 2, 1) - exact;
  const at::Tensor change = layer.WithQuantizedInput(x, exact, geometry, 8) - exact;
  EXPECT_GT(wanted.norm().item<double>(), 1e-3 * exact.norm().item<double>());
  EXPECT_LT(Relative(change, wanted), 0.02);
}

TEST(TrialLayerTest, HalvesOfASkipConnectionHaveRangesOfTheirOwn) {
  at::manual_seed(3);
  const at::Tensor weight = at::randn({8, 16, 1, 1});
  at::Tensor x = at::randn({1, 16, 4, 4});
  x.narrow(1, 8, 8).mul_(100);
  const Geometry geometry = {.kernel = 1};
  const at::Tensor exact = at::conv2d(x, weight);
  const TrialLayer whole(weight, {}, {});
  const TrialLayer split(weight, {}, {.skip_split = 8});
  // Only the small half is looked at: its part of the output.
  const at::Tensor small = at::conv2d(x.narrow(1, 0, 8), weight.narrow(1, 0, 8));
  at::Tensor rest = x.clone();
  rest.narrow(1, 0, 8).zero_();
  const auto error = [&](const TrialLayer& layer) {
    const at::Tensor with = layer.WithQuantizedInput(x, exact, geometry, 8) - exact;
    const at::Tensor without = layer.WithQuantizedInput(rest, exact, geometry, 8) - exact;
    return ((with - without).norm() / small.norm()).item<double>();
  };
  EXPECT_LT(error(split), 0.01);
  EXPECT_GT(error(whole), 0.1);
}

TEST(TrialLayerTest, AsJobsComputeIt) {
  at::manual_seed(4);
  const at::Tensor weight = at::randn({64, 64});
  const at::Tensor x = at::randn({3, 64});
  const TrialLayer layer(weight, {}, {});
  for (const int bits : {8, 4}) {
    EXPECT_TRUE(at::equal(layer.Quantized(x, std::nullopt, bits),
                          QuantizedLayer(weight, {}, {.weight_bits = bits}).Forward(x)));
  }
}

}  // namespace
}  // namespace quantizer
