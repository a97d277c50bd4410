#include "plugins/clip_vision/src/vision_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "plugins/testing/refusal.h"

namespace clip_vision {
namespace {

using patchbay::Refusal;
using ::testing::HasSubstr;

// The tensors that the sizes are read from; the values do not matter.
std::map<std::string, at::Tensor> Encoder(int64_t width, int64_t patch, int64_t grid,
                                          int64_t layers) {
  const std::string prefix = "vision_model.";
  std::map<std::string, at::Tensor> tensors = {
      {prefix + "embeddings.class_embedding", at::zeros({width})},
      {prefix + "embeddings.patch_embedding.weight",
       at::zeros({1}).expand({width, 3, patch, patch})},
      {prefix + "embeddings.position_embedding.weight",
       at::zeros({1}).expand({grid * grid + 1, width})},
      {prefix + "encoder.layers.0.mlp.fc1.weight", at::zeros({1}).expand({4 * width, width})},
      {"visual_projection.weight", at::zeros({1}).expand({1024, width})}};
  for (int64_t i = 0; i < layers; ++i) {
    tensors[prefix + "encoder.layers." + std::to_string(i) + ".layer_norm1.weight"] =
        at::zeros({width});
  }
  return tensors;
}

VisionConfig Read(const std::map<std::string, at::Tensor>& tensors) {
  return ReadVisionConfig(Weights("file", tensors));
}

TEST(VisionConfigTest, KnowsIpAdaptersEncoders) {
  const VisionConfig huge = Read(Encoder(1280, 14, 16, 32));
  EXPECT_EQ(huge.picture_size(), 224);
  EXPECT_EQ(huge.tokens(), 257);
  EXPECT_EQ(huge.layers, 32);
  EXPECT_EQ(huge.heads, 16);
  EXPECT_EQ(huge.activation, Activation::kGelu);
  EXPECT_EQ(huge.projection, 1024);
  EXPECT_EQ(huge.feed_forward, 5120);
  EXPECT_EQ(Read(Encoder(1664, 14, 16, 48)).heads, 16);
  const VisionConfig large = Read(Encoder(1024, 14, 24, 24));
  EXPECT_EQ(large.picture_size(), 336);
  EXPECT_EQ(large.heads, 16);
  EXPECT_EQ(large.activation, Activation::kQuickGelu);
  EXPECT_EQ(Read(Encoder(768, 32, 7, 12)).heads, 12);
}

TEST(VisionConfigTest, TakesWhatConfigJsonSays) {
  VisionConfig config = Read(Encoder(64, 8, 4, 2));
  ApplyConfigJson(R"({"hidden_size": 64, "num_attention_heads": 4, "hidden_act": "gelu",
                      "layer_norm_eps": 1e-6, "architectures": ["CLIPVisionModelWithProjection"]})",
                  "config.json", config);
  EXPECT_EQ(config.heads, 4);
  EXPECT_EQ(config.activation, Activation::kGelu);
  EXPECT_EQ(config.norm_epsilon, 1e-6);
  ApplyConfigJson(R"({"text_config": {}, "vision_config": {"num_attention_heads": 2}})", "whole",
                  config);
  EXPECT_EQ(config.heads, 2);
}

TEST(VisionConfigTest, RefusesOtherConfigs) {
  VisionConfig config = Read(Encoder(64, 8, 4, 2));
  const auto refusal = [&](const char* json) {
    return Refusal([&] { ApplyConfigJson(json, "c.json", config); });
  };
  EXPECT_THAT(refusal("{"), HasSubstr("c.json: it is no JSON object"));
  EXPECT_THAT(refusal(R"({"hidden_size": 128})"), HasSubstr("belongs to another one"));
  EXPECT_THAT(refusal(R"({"num_attention_heads": 3})"), HasSubstr("does not divide"));
  EXPECT_THAT(refusal(R"({"num_attention_heads": 0})"), HasSubstr("does not divide"));
  EXPECT_THAT(refusal(R"({"num_attention_heads": "x"})"), HasSubstr("no whole number"));
  EXPECT_THAT(refusal(R"({"hidden_act": "relu"})"), HasSubstr("hidden_act is \"relu\""));
  EXPECT_THAT(refusal(R"({"layer_norm_eps": -1})"), HasSubstr("layer_norm_eps"));
}

TEST(VisionConfigTest, RefusesOtherFiles) {
  const auto without = [](const char* tensor) {
    auto tensors = Encoder(64, 8, 4, 2);
    tensors.erase(tensor);
    return Refusal([&] { Read(tensors); });
  };
  EXPECT_THAT(without("vision_model.embeddings.class_embedding"),
              HasSubstr("file: there is no tensor \"vision_model.embeddings.class_embedding\""));
  EXPECT_THAT(without("vision_model.encoder.layers.0.layer_norm1.weight"), HasSubstr("0 trans"));
  EXPECT_THAT(without("vision_model.embeddings.patch_embedding.weight"), HasSubstr("no tensor"));
  auto oblong = Encoder(64, 8, 4, 2);
  oblong["vision_model.embeddings.position_embedding.weight"] = at::zeros({12, 64});
  EXPECT_THAT(Refusal([&] { Read(oblong); }), HasSubstr("12 positions"));
  EXPECT_THAT(Refusal([&] { Read(Encoder(64, 512, 4, 2)); }), HasSubstr("1024 pixels"));
}

}  // namespace
}  // namespace clip_vision
