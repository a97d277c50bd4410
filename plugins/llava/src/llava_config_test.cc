#include "plugins/llava/src/llava_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "plugins/testing/refusal.h"

namespace llava {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

json Transformers() {
  return {{"model_type", "llava"}, {"text_config", {{"model_type", "llama"}}}};
}

LlavaConfig Read(const json& file) { return ReadLlavaConfig(file.dump(), "config.json"); }

std::string Refusal(const json& file) {
  return patchbay::Refusal([&] { Read(file); });
}

TEST(LlavaConfigTest, WhatIsNotSaidIsLlama7b) {
  const LlavaConfig config = Read(Transformers());
  EXPECT_EQ(config.layout, Layout::kTransformers);
  EXPECT_EQ(config.language.width, 4096);
  EXPECT_EQ(config.language.layers, 32);
  EXPECT_EQ(config.language.key_heads, 32);
  EXPECT_EQ(config.language.head_width, 128);
}

TEST(LlavaConfigTest, ReadsBothLayouts) {
  json file = Transformers();
  file["text_config"]["num_key_value_heads"] = 8;
  file["text_config"]["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", 5e5}};
  EXPECT_EQ(Read(file).language.key_heads, 8);
  EXPECT_EQ(Read(file).language.rope_base, 5e5);
  const LlavaConfig original = Read({{"model_type", "llava_llama"},
                                     {"mm_projector_type", "mlp2x_gelu"},
                                     {"mm_vision_select_layer", -2},
                                     {"hidden_size", 64},
                                     {"num_attention_heads", 4}});
  EXPECT_EQ(original.layout, Layout::kOriginal);
  EXPECT_EQ(original.language.head_width, 16);
}

TEST(LlavaConfigTest, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT(Refusal({{"model_type", "bert"}}),
              AllOf(HasSubstr("config.json"), HasSubstr("not that of a LLaVA"), HasSubstr("bert")));
  EXPECT_THAT(Refusal(json::array()), HasSubstr("no JSON object"));
  const auto changed = [](const char* key, const json& value) {
    json file = Transformers();
    file["text_config"][key] = value;
    return Refusal(file);
  };
  EXPECT_THAT(changed("model_type", "mistral"), HasSubstr("mistral"));
  EXPECT_THAT(changed("num_hidden_layers", 1000000), HasSubstr("from 1 to 200"));
  EXPECT_THAT(changed("num_key_value_heads", 3), HasSubstr("do not go together"));
  EXPECT_THAT(changed("rope_scaling", {{"type", "linear"}}), HasSubstr("rope_scaling"));
  EXPECT_THAT(changed("attention_bias", true), HasSubstr("attention_bias"));
  json file = Transformers();
  file["vision_feature_layer"] = -1;
  EXPECT_THAT(Refusal(file), HasSubstr("vision_feature_layer is -1; -2 is known here"));
}

}  // namespace
}  // namespace llava
