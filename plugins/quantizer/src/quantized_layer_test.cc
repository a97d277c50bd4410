#include "plugins/quantizer/src/quantized_layer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace quantizer {
namespace {

// Asymmetric quantisation and back, one step for each slice over `over` (MixDQ's definition, but
// for the product with the step's inverse, so that numbers halfway between two bytes go the same
// way).
at::Tensor FakeInput(const at::Tensor& x, at::IntArrayRef over) {
  const at::Tensor low = x.amin(over, /*keepdim=*/true).clamp_max(0);
  const at::Tensor step = (x.amax(over, /*keepdim=*/true).clamp_min(0) - low) / 255;
  const at::Tensor zero = (-low / step).round();
  return (((x * step.reciprocal()).round() + zero).clamp(0, 255) - zero) * step;
}

at::Tensor FakeWeight(const at::Tensor& weight, int bits) {
  return PackedWeight(weight, {}, {.bits = bits}).Dequantized();
}

double SignalToNoise(const at::Tensor& exact, const at::Tensor& approximate) {
  const double noise = (exact - approximate).to(at::kDouble).square().sum().item<double>();
  return 10 * std::log10(exact.to(at::kDouble).square().sum().item<double>() / noise);
}

struct LinearCase {
  int64_t rows;
  int64_t inputs;
  int64_t outputs;
};

TEST(QuantizedLayerTest, LinearIsItsFakeQuantisation) {
  for (const LinearCase& it :
       {LinearCase{1, 4, 1}, LinearCase{7, 33, 65}, LinearCase{400, 320, 130}}) {
    for (const int bits : {8, 4}) {
      const at::Tensor weight = at::randn({it.outputs, it.inputs});
      const at::Tensor bias = at::randn({it.outputs});
      const at::Tensor x = at::randn({it.rows, it.inputs}) + 0.3;
      const QuantizedLayer layer(weight, bias, {.weight_bits = bits});
      const at::Tensor expected = at::linear(FakeInput(x, {1}), FakeWeight(weight, bits), bias);
      EXPECT_TRUE(at::allclose(layer.Forward(x), expected, 1e-5, 2e-4))
          << it.rows << " " << it.inputs << " " << bits;
    }
  }
}

TEST(QuantizedLayerTest, EightBitsAreNearTheExactProduct) {
  const at::Tensor weight = at::randn({130, 1024});
  const at::Tensor x = at::randn({100, 1024});
  // Normal numbers reach to about 3.2 deviations: two errors of steps of 3.2/127 give 1 %.
  EXPECT_GT(SignalToNoise(at::linear(x, weight), QuantizedLayer(weight, {}, {}).Forward(x)), 38);
}

TEST(QuantizedLayerTest, EachTokenHasItsOwnScale) {
  const at::Tensor weight = at::randn({64, 64});
  at::Tensor x = at::randn({2, 3, 64});
  const QuantizedLayer layer(weight, {}, {});
  const at::Tensor before = layer.Forward(x);
  x[0][0] *= 1000;  // an outlier token, as the text encoder's first one is
  const at::Tensor after = layer.Forward(x);
  EXPECT_TRUE(at::equal(before[1], after[1]));
  EXPECT_TRUE(at::equal(before[0][1], after[0][1]));
}

TEST(QuantizedLayerTest, ConvolutionIsItsFakeQuantisation) {
  for (const Geometry& geometry :
       {Geometry{3, 1, 1, 1}, Geometry{3, 2, 1, 1}, Geometry{3, 4, 2, 2}, Geometry{1, 2, 0, 1}}) {
    for (const int bits : {8, 4}) {
      const at::Tensor weight = at::randn({70, 9, geometry.kernel, geometry.kernel});
      const at::Tensor bias = at::randn({70});
      const at::Tensor x = at::silu(at::randn({2, 9, 13, 10}));
      const QuantizedLayer layer(weight, bias, {.weight_bits = bits});
      const at::Tensor y = layer.Forward(x, geometry);
      const at::Tensor expected =
          at::conv2d(FakeInput(x, {1, 2, 3}), FakeWeight(weight, bits), bias, geometry.stride,
                     geometry.padding, geometry.dilation);
      ASSERT_EQ(y.sizes(), expected.sizes());
      EXPECT_TRUE(y.is_contiguous(at::MemoryFormat::ChannelsLast));
      EXPECT_TRUE(at::allclose(y, expected, 1e-5, 2e-4)) << geometry.stride << " " << bits;
    }
  }
}

TEST(QuantizedLayerTest, WideConvolutionsAreComputedInParts) {
  const at::Tensor weight = at::randn({20, 1280, 3, 3});
  const at::Tensor x = at::randn({1, 1280, 5, 4});
  ASSERT_LT(PackedWeight(weight, {}, {}).taps_at_once(), 9);
  for (const int bits : {8, 4}) {
    const at::Tensor y = QuantizedLayer(weight, {}, {.weight_bits = bits}).Forward(x, {3, 1, 1, 1});
    const at::Tensor expected =
        at::conv2d(FakeInput(x, {1, 2, 3}), FakeWeight(weight, bits), {}, 1, 1);
    EXPECT_GT(SignalToNoise(expected, y), 100);
  }
}

TEST(QuantizedLayerTest, PositionwiseConvolutionIsALinearLayer) {
  const at::Tensor weight = at::randn({70, 12, 1, 1});
  const at::Tensor x = at::randn({2, 12, 5, 3});
  const at::Tensor y = QuantizedLayer(weight, {}, {}).Forward(x, Geometry{});
  const at::Tensor rows = x.permute({0, 2, 3, 1}).reshape({30, 12});
  const at::Tensor expected = QuantizedLayer(weight.flatten(1), {}, {}).Forward(rows);
  EXPECT_TRUE(at::equal(y.permute({0, 2, 3, 1}).reshape({30, 70}), expected));
}

TEST(QuantizedLayerTest, SkipConnectionsHaveTheirOwnIntegers) {
  at::Tensor weight = at::randn({16, 24, 1, 1});
  at::Tensor x = at::randn({1, 24, 6, 6});
  // A skip connection 50 times as loud would leave the rest with five levels.
  x.narrow(1, 16, 8) *= 50;
  weight.narrow(1, 16, 8) /= 50;
  const at::Tensor bias = at::randn({16});
  const at::Tensor exact = at::conv2d(x, weight, bias);
  const double whole =
      SignalToNoise(exact, QuantizedLayer(weight, bias, {}).Forward(x, Geometry{}));
  const double split =
      SignalToNoise(exact, QuantizedLayer(weight, bias, {.skip_split = 16}).Forward(x, Geometry{}));
  EXPECT_GT(split, whole + 10);
  EXPECT_GT(split, 38);
}

TEST(QuantizedLayerTest, RotationTamesOutlierChannels) {
  const at::Tensor weight = at::randn({64, 128});
  at::Tensor x = at::randn({50, 128});
  x.select(1, 7) *= 60;
  const at::Tensor exact = at::linear(x, weight);
  const double plain = SignalToNoise(exact, QuantizedLayer(weight, {}, {}).Forward(x));
  const double rotated =
      SignalToNoise(exact, QuantizedLayer(weight, {}, {.rotate = true}).Forward(x));
  EXPECT_GT(rotated, plain + 3);
  const at::Tensor maps = x.reshape({1, 5, 10, 128}).permute({0, 3, 1, 2});
  const at::Tensor kernel = weight.view({64, 128, 1, 1}).repeat({1, 1, 3, 3});
  const Geometry same_size = {3, 1, 1, 1};
  EXPECT_GT(SignalToNoise(at::conv2d(maps, kernel, {}, 1, 1),
                          QuantizedLayer(kernel, {}, {.rotate = true}).Forward(maps, same_size)),
            25);
}

TEST(QuantizedLayerTest, CalibratedRangesAreUsed) {
  const at::Tensor weight = at::randn({8, 16});
  const at::Tensor x = at::rand({4, 16}) * 2 - 0.5;
  const Range range = {-0.5f, 1.0f};
  const at::Tensor y = QuantizedLayer(weight, {}, {.range = range}).Forward(x);
  const float step = 1.5f / 255;
  const at::Tensor clamped = ((x / step).round() + 85).clamp(0, 255);
  const at::Tensor expected = at::linear((clamped - 85) * step, FakeWeight(weight, 8));
  EXPECT_TRUE(at::allclose(y, expected, 1e-5, 1e-4));
}

TEST(QuantizedLayerTest, WeightsAloneAreLibTorchsProductOfTheirNumbers) {
  const at::Tensor weight = at::randn({32, 64, 3, 3});
  const at::Tensor x = at::randn({1, 64, 6, 6}).to(at::kBFloat16);
  const at::Tensor y = QuantizedLayer(weight, {}, {.weight_bits = 4, .integer_products = false})
                           .Forward(x, {3, 1, 1, 1});
  EXPECT_EQ(y.scalar_type(), at::kBFloat16);
  const at::Tensor expected = at::conv2d(x, FakeWeight(weight, 4).to(at::kBFloat16), {}, 1, 1);
  EXPECT_TRUE(at::allclose(y.to(at::kFloat), expected.to(at::kFloat), 1e-2, 1e-1));
}

// MixDQ's finding: the first token of a prompt is far larger than the others, which a range for all
// tokens leaves hardly any levels.
TEST(QuantizedLayerTest, ABeginTokenTakesNothingFromTheOthers) {
  const at::Tensor weight = at::randn({128, 96});
  at::Tensor prompts = at::randn({2, 154, 96});
  for (const int64_t begin : {0, 77}) prompts.select(1, begin).mul_(80);
  prompts[1].narrow(0, 77, 77).zero_();  // an empty part
  const at::Tensor exact = at::linear(prompts, weight);
  const auto of_others = [&](const at::Tensor& y) {
    return SignalToNoise(exact.slice(1, 1, 77), y.slice(1, 1, 77));
  };
  const at::Tensor naive = at::linear(FakeInput(prompts, {0, 1, 2}), FakeWeight(weight, 8));
  const QuantizedLayer of_text(weight, {}, {.integer_products = false});
  const QuantizedLayer of_tokens(weight, {}, {});
  EXPECT_GT(of_others(of_text.Forward(prompts)), of_others(naive) + 20);
  EXPECT_GT(of_others(of_tokens.Forward(prompts)), of_others(naive) + 20);
  EXPECT_GT(SignalToNoise(exact, of_text.Forward(prompts)), 40);
  EXPECT_EQ(of_text.Forward(prompts)[1].narrow(0, 78, 76).abs().max().item<float>(), 0);
}

TEST(QuantizedLayerTest, HalfPrecisionRoundsOnce) {
  const at::Tensor x = at::randn({50, 64}).to(at::kBFloat16);
  const QuantizedLayer layer(at::randn({96, 64}), {}, {});
  const at::Tensor y = layer.Forward(x);
  EXPECT_EQ(y.scalar_type(), at::kBFloat16);
  EXPECT_TRUE(at::equal(y, layer.Forward(x.to(at::kFloat)).to(at::kBFloat16)));
}

TEST(QuantizedLayerTest, ZerosGiveTheBias) {
  const at::Tensor bias = at::randn({5});
  const at::Tensor x = at::zeros({3, 8});
  EXPECT_TRUE(
      at::equal(QuantizedLayer(at::zeros({5, 8}), bias, {}).Forward(x), bias.expand({3, 5})));
}

TEST(QuantizedLayerTest, RefusesWhatIsNotFinite) {
  at::Tensor x = at::randn({3, 8});
  x[1][2] = std::nanf("");
  EXPECT_THROW(QuantizedLayer(at::randn({5, 8}), {}, {}).Forward(x), c10::Error);
  EXPECT_THROW(QuantizedLayer(at::randn({5, 8}), {}, {.range = Range{-1, 1}}).Forward(x),
               c10::Error);
  const at::Tensor maps = at::full({1, 8, 4, 4}, INFINITY);
  EXPECT_THROW(QuantizedLayer(at::randn({5, 8, 3, 3}), {}, {}).Forward(maps, {3, 1, 1, 1}),
               c10::Error);
}

}  // namespace
}  // namespace quantizer
