#include "host/runtime/lora/lora_key.h"

#include <gtest/gtest.h>

namespace patchbay {
namespace {

TEST(LoraKey, BringsEveryDialectToOneSpelling) {
  constexpr const char* kDown[] = {
      "lora_unet_mid_block_attentions_0_proj_in.lora_down.weight",
      "unet.mid_block.attentions.0.proj_in.lora.down.weight",
      "unet.mid_block.attentions.0.proj_in.lora_A.weight",
      "base_model.model.unet.mid_block.attentions.0.proj_in.lora_A.default.weight",
      "lora_unet_unet_mid_block_attentions_0_proj_in_lora_down.weight",
  };
  for (const char* name : kDown) {
    const auto key = ParseLoraKey(name);
    ASSERT_TRUE(key.has_value()) << name;
    EXPECT_EQ(key->role, LoraRole::kDown) << name;
    EXPECT_EQ(key->component, LoraComponent::kUNet) << name;
    EXPECT_EQ(key->flat_path, "mid_block_attentions_0_proj_in") << name;
  }
}

TEST(LoraKey, TellsTheTextEncodersApart) {
  EXPECT_EQ(ParseLoraKey("lora_te_x.alpha")->component, LoraComponent::kTextEncoder);
  EXPECT_EQ(ParseLoraKey("lora_te1_x.alpha")->component, LoraComponent::kTextEncoder);
  EXPECT_EQ(ParseLoraKey("lora_te2_x.alpha")->component, LoraComponent::kTextEncoder2);
  EXPECT_EQ(ParseLoraKey("text_encoder_2.x.lora_B.weight")->component,
            LoraComponent::kTextEncoder2);
  EXPECT_EQ(ParseLoraKey("text_encoder.x.lora_linear_layer.up.weight")->component,
            LoraComponent::kTextEncoder);
  EXPECT_EQ(ParseLoraKey("down_blocks.0.x.lora_B.weight")->component, LoraComponent::kUnknown);
}

TEST(LoraKey, ReadsOldProcessorNames) {
  const auto key = ParseLoraKey("mid_block.attn1.processor.to_out_lora.up.weight");
  ASSERT_TRUE(key.has_value());
  EXPECT_EQ(key->role, LoraRole::kUp);
  EXPECT_EQ(key->flat_path, "mid_block_attn1_to_out");
}

TEST(LoraKey, KnowsLycorisAndNothingElse) {
  EXPECT_EQ(ParseLoraKey("lora_unet_x.hada_w2_a")->role, LoraRole::kHadaW2A);
  EXPECT_EQ(ParseLoraKey("lora_unet_x.lokr_w1")->role, LoraRole::kLokrW1);
  EXPECT_EQ(ParseLoraKey("lora_unet_x.lokr_w1_b")->role, LoraRole::kLokrW1B);
  EXPECT_FALSE(ParseLoraKey("lora_unet_x.oft_blocks").has_value());
  EXPECT_FALSE(ParseLoraKey("conv_in.weight").has_value());
  EXPECT_FALSE(ParseLoraKey("").has_value());
}

}  // namespace
}  // namespace patchbay
