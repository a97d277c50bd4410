#include "plugins/quantizer/src/device_layer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace quantizer {
namespace {

// LibTorch's operators are the same ones on every device; here they run on the CPU.
DeviceLayer OnCpu(const QuantizedLayer& layer, int64_t kernel, const at::Tensor& bias,
                  const LayerScheme& scheme) {
  return DeviceLayer(layer.Stored(), kernel, bias, scheme, at::kCPU);
}

float Relative(const at::Tensor& ours, const at::Tensor& exact) {
  return ((ours - exact).norm() / exact.norm()).item<float>();
}

TEST(DeviceLayerTest, LinearLayersMultiplyTheSameIntegers) {
  const at::Tensor bias = at::randn({72});
  const at::Tensor x = at::randn({2, 20, 128});
  for (const LayerScheme& scheme : {LayerScheme{.weight_bits = 8}, LayerScheme{.weight_bits = 4},
                                    LayerScheme{.weight_bits = 4, .rotate = true},
                                    LayerScheme{.weight_bits = 8, .range = Range{-1.5f, 2.0f}}}) {
    const QuantizedLayer layer(at::randn({72, 128}), bias, scheme);
    const DeviceLayer device = OnCpu(layer, 0, bias, scheme);
    // Rotated numbers that fall halfway between two integers may go either way.
    EXPECT_LT(Relative(device.Forward(x), layer.Forward(x)), scheme.rotate ? 1e-3 : 1e-6);
    // The input's bytes are part of the difference from floating point.
    EXPECT_GT(Relative(device.Forward(x), at::linear(x, layer.Weight(), bias)), 1e-4);
    EXPECT_EQ(device.Forward(x.to(at::kBFloat16)).scalar_type(), at::kBFloat16);
  }
}

TEST(DeviceLayerTest, FewRowsAreMultipliedInFloatingPoint) {
  const LayerScheme scheme = {.weight_bits = 8};
  const QuantizedLayer layer(at::randn({72, 128}), {}, scheme);
  const at::Tensor x = at::randn({2, 128});
  EXPECT_LT(Relative(OnCpu(layer, 0, {}, scheme).Forward(x), at::linear(x, layer.Weight())), 1e-6);
}

TEST(DeviceLayerTest, RowsOfZerosGiveTheBias) {
  const LayerScheme scheme = {.weight_bits = 8};
  const at::Tensor bias = at::randn({8});
  const QuantizedLayer layer(at::randn({8, 64}), bias, scheme);
  const at::Tensor output = OnCpu(layer, 0, bias, scheme).Forward(at::zeros({32, 64}));
  EXPECT_TRUE(at::equal(output, bias.expand({32, 8})));
}

TEST(DeviceLayerTest, ConvolutionsUseTheNumbersOfTheIntegers) {
  const at::Tensor bias = at::randn({16});
  const at::Tensor x = at::randn({2, 64, 9, 9}).contiguous(at::MemoryFormat::ChannelsLast);
  const Geometry geometry = {.kernel = 3, .stride = 2, .padding = 1, .dilation = 1};
  for (const LayerScheme& scheme : {LayerScheme{.weight_bits = 8}, LayerScheme{.weight_bits = 4},
                                    LayerScheme{.weight_bits = 8, .skip_split = 24}}) {
    const QuantizedLayer layer(at::randn({16, 64, 3, 3}), bias, scheme);
    const at::Tensor exact = at::conv2d(x, layer.Weight(), bias, 2, 1, 1);
    EXPECT_LT(Relative(OnCpu(layer, 3, bias, scheme).Forward(x, geometry), exact), 1e-6);
  }
}

}  // namespace
}  // namespace quantizer
