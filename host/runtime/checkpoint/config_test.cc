#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/runtime/checkpoint/autoencoder_config.h"
#include "host/runtime/checkpoint/text_encoder_config.h"
#include "host/runtime/checkpoint/unet_config.h"

namespace patchbay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

TEST(UNetConfig, ReadsWhatTheWeightsDoNotTell) {
  std::vector<std::string> warnings;
  const auto config = ParseUNetConfig(
      R"({"_class_name": "UNet2DConditionModel", "attention_head_dim": [5, 10, 20, 20],
          "block_out_channels": [320, 640, 1280, 1280], "norm_eps": 1e-6, "sample_size": 96,
          "upcast_attention": true, "class_embed_type": null, "num_attention_heads": null})",
      "unet/config.json", warnings);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->heads, ElementsAre(5, 10, 20, 20));
  EXPECT_EQ(config->mid_heads, 20);
  EXPECT_EQ(config->norm_eps, 1e-6);
  EXPECT_EQ(config->sample_size, 96);
  EXPECT_TRUE(config->upcast_attention);
  EXPECT_THAT(warnings, IsEmpty());
}

TEST(UNetConfig, StretchesOneNumberOfHeadsOverAllLevels) {
  std::vector<std::string> warnings;
  const auto three = ParseUNetConfig(
      R"({"attention_head_dim": 4, "block_out_channels": [32, 64, 64]})", "c", warnings);
  ASSERT_TRUE(three.ok());
  EXPECT_THAT(three->heads, ElementsAre(4, 4, 4));
  const auto defaults = ParseUNetConfig("{}", "c", warnings);
  ASSERT_TRUE(defaults.ok());
  EXPECT_THAT(defaults->heads, ElementsAre(8, 8, 8, 8));
}

TEST(UNetConfig, RefusesOtherMathematicsAndWrongTypes) {
  std::vector<std::string> warnings;
  for (const auto& [text, named] : std::vector<std::pair<const char*, const char*>>{
           {R"({"class_embed_type": "timestep"})", "class_embed_type"},
           {R"({"resnet_time_scale_shift": "scale_shift"})", "resnet_time_scale_shift"},
           {R"({"dual_cross_attention": true})", "dual_cross_attention"},
           {R"({"mid_block_type": "UNetMidBlock2D"})", "mid_block_type"},
           {R"({"norm_num_groups": 0})", "norm_num_groups"},
           {R"({"sample_size": 9007199254740993})", "sample_size"},
           {R"({"sample_size": -1})", "sample_size"},
           {R"({"attention_head_dim": "eight"})", "attention_head_dim"},
           {R"({"attention_head_dim": [8, 18446744073709551615]})", "attention_head_dim"},
           {R"([1, 2])", "JSON object"},
           {R"({"norm_eps":)", "JSON object"}}) {
    const auto config = ParseUNetConfig(text, "unet/config.json", warnings);
    ASSERT_FALSE(config.ok()) << text;
    EXPECT_THAT(Message(config.status()), HasSubstr(named));
    EXPECT_THAT(Message(config.status()), HasSubstr("unet/config.json"));
  }
}

// Python's json module writes these three where JSON has no number.
TEST(UNetConfig, ReadsPythonsNumbersThatAreNone) {
  std::vector<std::string> warnings;
  const auto config = ParseUNetConfig(
      R"({"a": -Infinity, "b": [NaN, Infinity], "norm_eps": 1e-6, "_c": "\"NaN"})", "c", warnings);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->norm_eps, 1e-6);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("`b` = [null,null]")));
  EXPECT_FALSE(ParseUNetConfig(R"({"a": Inf})", "c", warnings).ok());
}

TEST(UNetConfig, WarnsOfEntriesThatItDoesNotKnow) {
  std::vector<std::string> warnings;
  ASSERT_TRUE(ParseUNetConfig(R"({"new_thing": 3, "other": null, "off": false, "_note": 1})",
                              "unet/config.json", warnings)
                  .ok());
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("`new_thing` = 3")));
}

WeightMap Attention(int64_t width, int64_t text_width, bool linear) {
  WeightMap unet;
  const auto add = [&unet](const std::string& name, at::IntArrayRef shape) {
    unet[name] = {at::zeros(shape), nullptr};
  };
  const std::string attention = "down_blocks.0.attentions.0.";
  add("down_blocks.0.resnets.0.conv1.weight", {width, 32, 3, 3});
  if (linear) add(attention + "proj_in.weight", {width, width});
  if (!linear) add(attention + "proj_in.weight", {width, width, 1, 1});
  add(attention + "transformer_blocks.0.attn1.to_q.weight", {width, width});
  add(attention + "transformer_blocks.0.attn2.to_k.weight", {width, text_width});
  return unet;
}

TEST(UNetConfig, DerivesHeadsFromShapes) {
  EXPECT_THAT(DeriveUNetConfig(Attention(320, 768, false)).heads, ElementsAre(8));
  EXPECT_THAT(DeriveUNetConfig(Attention(320, 768, true)).heads, ElementsAre(5));
  EXPECT_THAT(DeriveUNetConfig(Attention(640, 2048, true)).heads, ElementsAre(10));
}

TEST(UNetConfig, ChecksHeadsAgainstShapes) {
  UNetConfig config;
  config.heads = {7};
  EXPECT_THAT(Message(CheckUNetConfig(config, Attention(320, 768, true))),
              HasSubstr("7 attention heads"));
  config.heads = {5, 5};
  EXPECT_THAT(Message(CheckUNetConfig(config, Attention(320, 768, true))), HasSubstr("2 levels"));
  config.heads = {5};
  EXPECT_TRUE(CheckUNetConfig(config, Attention(320, 768, true)).ok());
}

TEST(AutoencoderConfig, DefaultsWhatOldFilesLeaveOut) {
  std::vector<std::string> warnings;
  const auto config = ParseAutoencoderConfig(R"({"latent_channels": 4})", "vae", warnings);
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->scaling_factor, 0.18215);
  EXPECT_EQ(config->shift_factor, 0);
  EXPECT_THAT(config->latents_mean, IsEmpty());
}

TEST(AutoencoderConfig, WantsOneMeanForEachLatentChannel) {
  std::vector<std::string> warnings;
  const auto config = ParseAutoencoderConfig(
      R"({"latents_mean": [0, 0, 0], "latents_std": [1, 1, 1]})", "vae", warnings);
  EXPECT_THAT(Message(config.status()), HasSubstr("4 numbers"));
  EXPECT_TRUE(ParseAutoencoderConfig(
                  R"({"latents_mean": [0, 0, 0, 0], "latents_std": [1, 1, 1, 2]})", "vae", warnings)
                  .ok());
}

TEST(TextEncoderConfig, TellsTheActivationsApart) {
  std::vector<std::string> warnings;
  const auto gelu = ParseTextEncoderConfig(R"({"hidden_act": "gelu", "num_attention_heads": 16})",
                                           "text_encoder/config.json", warnings);
  ASSERT_TRUE(gelu.ok());
  EXPECT_EQ(gelu->activation, TextActivation::kGelu);
  EXPECT_EQ(gelu->heads, 16);
  const auto other =
      ParseTextEncoderConfig(R"({"model_type": "chatglm"})", "text_encoder/config.json", warnings);
  EXPECT_THAT(Message(other.status()), HasSubstr("chatglm"));
}

}  // namespace
}  // namespace patchbay
