#include "plugins/quantizer/src/layer_selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quantizer {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

Plan AllInEightBits() {
  Plan plan;
  plan.others = {.weight_bits = 8, .activation_bits = 8};
  return plan;
}

TEST(LayerSelectionTest, KeepsWhatMixDqKeeps) {
  const LayerSelection selection(AllInEightBits(), "conv_in/time_embedding");
  EXPECT_TRUE(selection.SchemeOf({"mid_block.resnets.0.conv1", 5000, 0}).has_value());
  EXPECT_TRUE(selection.SchemeOf({"mid_block.resnets.0.time_emb_proj", 5000, 0}).has_value());
  EXPECT_FALSE(selection.SchemeOf({"conv_in", 5000, 0}).has_value());
  EXPECT_FALSE(selection.SchemeOf({"time_embedding.linear_1", 5000, 0}).has_value());
  EXPECT_FALSE(selection.SchemeOf({"add_embedding.linear_1", 5000, 0}).has_value());
  EXPECT_TRUE(selection.SchemeOf({"x.attn2.to_q", 5000, 0})->integer_products);
  EXPECT_FALSE(selection.SchemeOf({"small", 4000, 0}).has_value());
}

TEST(LayerSelectionTest, OfThePromptOnlyWeightsAreIntegers) {
  Plan plan = AllInEightBits();
  plan.others.weight_bits = 4;
  const LayerFacts keys{"x.attn2.to_k", 5000, 0, /*is_from_text=*/true};
  const auto scheme = LayerSelection(plan, "").SchemeOf(keys);
  ASSERT_TRUE(scheme.has_value());
  EXPECT_EQ(scheme->weight_bits, 8);
  EXPECT_FALSE(scheme->integer_products);
  EXPECT_FALSE(LayerSelection(plan, "attn2").SchemeOf(keys).has_value());
  plan.layers["x.attn2.to_k"] = {.weight_bits = 4, .activation_bits = 16};
  EXPECT_EQ(LayerSelection(plan, "").SchemeOf(keys)->weight_bits, 4);
  plan.others = {};
  plan.layers.clear();
  EXPECT_FALSE(LayerSelection(plan, "").SchemeOf(keys).has_value());
}

TEST(LayerSelectionTest, APlanNamesLayers) {
  Plan plan;
  plan.layers["conv_in"] = {.weight_bits = 4, .activation_bits = 16};
  plan.layers["a.conv_shortcut"] = {.weight_bits = 8, .activation_bits = 8};
  LayerSelection selection(plan, "conv_in");
  EXPECT_FALSE(selection.SchemeOf({"other", 5000, 0}).has_value());
  const auto first = selection.SchemeOf({"conv_in", 5000, 0});
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->weight_bits, 4);
  EXPECT_FALSE(first->integer_products);
  EXPECT_EQ(selection.SchemeOf({"a.conv_shortcut", 5000, 320})->skip_split, 320);
  selection.AvoidIntegerProducts();
  EXPECT_FALSE(selection.SchemeOf({"a.conv_shortcut", 5000, 320})->integer_products);
}

TEST(LayerSelectionTest, SaysWhatALayerCannotDo) {
  Plan plan;
  plan.layers["x.attn2.to_k"] = {.weight_bits = 8, .activation_bits = 8};
  plan.layers["add_embedding.linear_1"] = {.weight_bits = 8, .activation_bits = 16};
  plan.layers["conv"] = {.weight_bits = 8, .activation_bits = 8};
  plan.layers["y.conv_shortcut"] = {.weight_bits = 8, .activation_bits = 8, .range = Range{-1, 1}};
  LayerSelection selection(plan, "");
  EXPECT_THAT(
      [&] {
        selection.SchemeOf({"x.attn2.to_k", 5000, 0, /*is_from_text=*/true});
      },
      ThrowsMessage<DocumentError>(HasSubstr("/layers/x.attn2.to_k/activations: must be 16")));
  EXPECT_THAT(
      [&] {
        selection.SchemeOf({"add_embedding.linear_1", 5000, 0});
      },
      ThrowsMessage<DocumentError>(
          HasSubstr("/layers/add_embedding.linear_1/weights: must be 16")));
  EXPECT_THAT(
      [&] {
        selection.SchemeOf({"y.conv_shortcut", 5000, 64});
      },
      ThrowsMessage<DocumentError>(HasSubstr("/layers/y.conv_shortcut/skip_range: is missing")));
  selection.RequireRanges();
  EXPECT_THAT(
      [&] {
        selection.SchemeOf({"conv", 5000, 0});
      },
      ThrowsMessage<DocumentError>(HasSubstr("/layers/conv/range: is missing")));
}

TEST(LayerSelectionTest, KeysTellSchemesApart) {
  const LayerScheme plain;
  LayerScheme ranged = plain;
  ranged.range = Range{-1, 1};
  LayerScheme wider = plain;
  wider.range = Range{-1, 1.0001f};
  EXPECT_NE(KeyOf(plain), KeyOf(ranged));
  EXPECT_NE(KeyOf(ranged), KeyOf(wider));
  EXPECT_NE(KeyOf(plain), KeyOf({.weight_bits = 4}));
}

}  // namespace
}  // namespace quantizer
