#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "plugins/quantizer/src/packed_weight.h"
#include "plugins/quantizer/src/quantized_layer.h"

namespace quantizer {
namespace {

constexpr PackedWeight::Options kOptions[] = {
    {.bits = 8}, {.bits = 4}, {.bits = 8, .rotate = true}, {.bits = 4, .rotate = true}};

TEST(StoredWeightTest, IsWhatItWasPackedFrom) {
  for (const PackedWeight::Options& options : kOptions) {
    for (const at::Tensor& weight : {at::randn({70, 128}), at::randn({5, 33}),
                                     at::randn({9, 128, 3, 3}), at::randn({3, 7, 3, 3})}) {
      const at::Tensor bias = at::randn({weight.size(0)});
      const PackedWeight packed(weight, bias, options);
      const PackedWeight again(packed.Stored(), weight.sizes().vec(), bias, options);
      EXPECT_TRUE(at::equal(again.Dequantized(), packed.Dequantized()));
      EXPECT_EQ(again.rotated(), packed.rotated());
      for (int64_t panel = 0; panel < packed.panels(); ++panel) {
        for (int64_t i = 0; i < kPanel; ++i) {
          EXPECT_EQ(again.Sums(panel)[i], packed.Sums(panel)[i]);
          EXPECT_EQ(again.Biases(panel)[i], packed.Biases(panel)[i]);
        }
      }
    }
  }
}

// The meaning that files give to the numbers, apart from how they are packed.
TEST(StoredWeightTest, MeansTheNumbers) {
  const at::Tensor weight = at::randn({6, 70, 3, 3});
  const PackedWeight packed(weight, {}, {.bits = 4});
  const StoredWeight stored = packed.Stored();
  const at::Tensor numbers = packed.Dequantized();
  ASSERT_EQ(stored.integers.sizes(), (std::vector<int64_t>{6, 9, 35}));
  ASSERT_EQ(stored.multiples.sizes(), (std::vector<int64_t>{6, 9, 2}));
  for (int64_t output = 0; output < 6; ++output) {
    for (int64_t tap = 0; tap < 9; ++tap) {
      for (int64_t input = 0; input < 70; ++input) {
        const int byte = stored.integers[output][tap][input / 2].item<uint8_t>();
        const int level = (input % 2 == 0 ? byte & 15 : byte >> 4) - 8;
        const int multiple = stored.multiples[output][tap][input / 64].item<uint8_t>();
        EXPECT_FLOAT_EQ(static_cast<float>(level * multiple) * stored.steps[output].item<float>(),
                        numbers[output][input][tap / 3][tap % 3].item<float>());
      }
    }
  }
}

TEST(StoredWeightTest, RefusesWhatDoesNotFit) {
  const PackedWeight packed(at::randn({8, 64}), {}, {.bits = 4});
  const auto make = [](StoredWeight stored, std::vector<int64_t> shape) {
    return PackedWeight(stored, std::move(shape), {}, {.bits = 4});
  };
  EXPECT_NO_THROW(make(packed.Stored(), {8, 64}));
  EXPECT_THROW(make(packed.Stored(), {8, 62}), c10::Error);
  EXPECT_THROW(make(packed.Stored(), {9, 64}), c10::Error);
  StoredWeight without = packed.Stored();
  without.multiples = at::Tensor();
  EXPECT_THROW(make(without, {8, 64}), c10::Error);
}

TEST(StoredWeightTest, LayersOfTwoPartsComeBack) {
  const LayerScheme scheme = {.weight_bits = 8, .skip_split = 24};
  const at::Tensor bias = at::randn({16});
  const QuantizedLayer layer(at::randn({16, 40, 1, 1}), bias, scheme);
  const QuantizedLayer again(layer.Stored(), 1, bias, scheme);
  const at::Tensor x = at::randn({2, 40, 5, 5}).contiguous(at::MemoryFormat::ChannelsLast);
  const Geometry geometry = {.kernel = 1, .stride = 1, .padding = 0, .dilation = 1};
  EXPECT_TRUE(at::equal(again.Forward(x, geometry), layer.Forward(x, geometry)));
  EXPECT_THROW(QuantizedLayer(layer.Stored(), 1, bias, {.weight_bits = 8, .skip_split = 16}),
               c10::Error);
}

}  // namespace
}  // namespace quantizer
