#include "host/runtime/checkpoint/ldm_names.h"

#include <gtest/gtest.h>

namespace patchbay {
namespace {

struct Pair {
  const char* ldm;
  const char* diffusers;
};

// Names of Stable Diffusion 1.5: two resnets a level, attention on all levels but the innermost.
constexpr Pair kSd15[] = {
    {"input_blocks.0.0.weight", "conv_in.weight"},
    {"time_embed.2.bias", "time_embedding.linear_2.bias"},
    {"out.0.weight", "conv_norm_out.weight"},
    {"input_blocks.1.0.in_layers.2.weight", "down_blocks.0.resnets.0.conv1.weight"},
    {"input_blocks.2.1.transformer_blocks.0.attn1.to_q.weight",
     "down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_q.weight"},
    {"input_blocks.3.0.op.weight", "down_blocks.0.downsamplers.0.conv.weight"},
    {"input_blocks.4.0.skip_connection.weight", "down_blocks.1.resnets.0.conv_shortcut.weight"},
    {"input_blocks.11.0.emb_layers.1.bias", "down_blocks.3.resnets.1.time_emb_proj.bias"},
    {"middle_block.0.out_layers.3.weight", "mid_block.resnets.0.conv2.weight"},
    {"middle_block.1.proj_in.weight", "mid_block.attentions.0.proj_in.weight"},
    {"middle_block.2.in_layers.0.weight", "mid_block.resnets.1.norm1.weight"},
    {"output_blocks.2.1.conv.weight", "up_blocks.0.upsamplers.0.conv.weight"},
    {"output_blocks.5.2.conv.weight", "up_blocks.1.upsamplers.0.conv.weight"},
    {"output_blocks.11.1.norm.bias", "up_blocks.3.attentions.2.norm.bias"},
    {"output_blocks.11.1", "up_blocks.3.attentions.2"},
    {"output_blocks.11.0", "up_blocks.3.resnets.2"},
};

UNetLdmLayout Sd15() { return {2, {false, true, true, true}}; }

TEST(LdmNames, MapsTheUNetBothWays) {
  for (const Pair& pair : kSd15) {
    EXPECT_EQ(UNetDiffusersName(pair.ldm, 2), pair.diffusers);
    EXPECT_EQ(UNetLdmName(pair.diffusers, Sd15()), pair.ldm);
  }
}

TEST(LdmNames, NamesWholeResamplers) {
  EXPECT_EQ(UNetLdmName("down_blocks.0.downsamplers.0", Sd15()), "input_blocks.3.0");
  EXPECT_EQ(UNetLdmName("up_blocks.0.upsamplers.0", Sd15()), "output_blocks.2.1");
  EXPECT_EQ(UNetLdmName("up_blocks.1.upsamplers.0", Sd15()), "output_blocks.5.2");
}

TEST(LdmNames, GivesNothingForNamesOfNeitherSpelling) {
  for (const char* name :
       {"", "input_blocks", "input_blocks.x.0", "input_blocks.1.0.unknown.weight",
        "input_blocks.99999999999999999999.0.op", "output_blocks.1", "conv_inx",
        "input_blocks.3.1.proj_in.weight"}) {
    EXPECT_EQ(UNetDiffusersName(name, 2), std::nullopt) << name;
  }
  for (const char* name : {"down_blocks.0", "down_blocks.0.resnets.0.conv9.weight", "mid_block",
                           "up_blocks.9.upsamplers.0.conv.weight"}) {
    EXPECT_EQ(UNetLdmName(name, Sd15()), std::nullopt) << name;
  }
}

TEST(LdmNames, CountsTheDecoderFromTheOtherEnd) {
  constexpr Pair kNames[] = {
      {"decoder.up.3.block.0.norm1.weight", "decoder.up_blocks.0.resnets.0.norm1.weight"},
      {"decoder.up.0.block.2.nin_shortcut.weight",
       "decoder.up_blocks.3.resnets.2.conv_shortcut.weight"},
      {"decoder.up.1.upsample.conv.bias", "decoder.up_blocks.2.upsamplers.0.conv.bias"},
      {"encoder.down.1.downsample.conv.bias", "encoder.down_blocks.1.downsamplers.0.conv.bias"},
      {"encoder.mid.attn_1.q.weight", "encoder.mid_block.attentions.0.to_q.weight"},
      {"encoder.mid.attn_1.proj_out.bias", "encoder.mid_block.attentions.0.to_out.0.bias"},
      {"decoder.mid.block_2.conv2.weight", "decoder.mid_block.resnets.1.conv2.weight"},
      {"decoder.norm_out.weight", "decoder.conv_norm_out.weight"},
      {"post_quant_conv.bias", "post_quant_conv.bias"},
  };
  for (const Pair& pair : kNames) {
    EXPECT_EQ(AutoencoderDiffusersName(pair.ldm, 4), pair.diffusers);
    EXPECT_EQ(AutoencoderLdmName(pair.diffusers, 4), pair.ldm);
  }
  EXPECT_EQ(AutoencoderDiffusersName("decoder.up.4.block.0.norm1.weight", 4), std::nullopt);
}

TEST(LdmNames, MapsOpenClip) {
  EXPECT_EQ(TextEncoderDiffusersName("transformer.resblocks.7.mlp.c_fc.weight"),
            "text_model.encoder.layers.7.mlp.fc1.weight");
  EXPECT_EQ(TextEncoderDiffusersName("ln_final.bias"), "text_model.final_layer_norm.bias");
  EXPECT_EQ(TextEncoderDiffusersName("visual.conv1.weight"), std::nullopt);
}

}  // namespace
}  // namespace patchbay
