#include "plugins/animatediff/src/motion_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <regex>

#include "plugins/animatediff/src/motion_test_data.h"
#include "plugins/testing/refusal.h"

namespace animatediff {
namespace {

using patchbay::Refusal;
using testing::AllOf;
using testing::HasSubstr;

using Tensors = std::map<std::string, at::Tensor>;

const ModuleFacts kFacts = {.heads = 2, .norm_groups = 4, .norm_over_frames = {}};

const std::vector<MotionPlace> kPlaces = {
    {"down_blocks.0.motion_modules.0", "down_blocks.0.attentions.0", 8},
    {"mid_block.motion_modules.0", "mid_block.attentions.0", 16, /*required=*/false},
    {"up_blocks.0.motion_modules.0", "up_blocks.0.resnets.0", 16}};

Tensors Whole() {
  at::manual_seed(2);
  Tensors tensors;
  for (const MotionPlace& place : kPlaces) {
    tensors.merge(RandomModuleTensors(place.name, place.channels, 6));
  }
  return tensors;
}

MotionFile Read(const Tensors& tensors, const ModuleFacts& facts = kFacts) {
  return ReadMotionFile(clip_vision::Weights("motion.safetensors", tensors), facts, kPlaces,
                        at::kFloat);
}

std::string RefusalOf(const std::function<void(Tensors&)>& damage) {
  Tensors tensors = Whole();
  damage(tensors);
  return Refusal([&] { Read(tensors); });
}

// What diffusers' conversion makes of the names.
Tensors InDiffusersNames(const Tensors& tensors) {
  Tensors renamed;
  for (const auto& [name, tensor] : tensors) {
    std::string other = std::regex_replace(name, std::regex("temporal_transformer\\."), "");
    other =
        std::regex_replace(other, std::regex("attention_blocks\\.0\\.pos_encoder"), "pos_embed");
    if (other.find("pos_encoder") != std::string::npos) continue;
    other = std::regex_replace(other, std::regex("attention_blocks\\.0"), "attn1");
    other = std::regex_replace(other, std::regex("attention_blocks\\.1"), "attn2");
    other = std::regex_replace(other, std::regex("norms\\.0"), "norm1");
    other = std::regex_replace(other, std::regex("norms\\.1"), "norm2");
    other = std::regex_replace(other, std::regex("ff_norm"), "norm3");
    renamed[other] = tensor;
  }
  return renamed;
}

TEST(MotionFileTest, ReadsModulesOfAnyWidth) {
  const MotionFile file = Read(Whole());
  ASSERT_EQ(file.modules.size(), 3u);
  EXPECT_EQ(file.modules[0]->channels, 8);
  EXPECT_EQ(file.modules[2]->layers.size(), 1u);
  EXPECT_EQ(file.modules[2]->layers[0].attentions.size(), 2u);
  EXPECT_EQ(file.longest_window, 6);
  EXPECT_EQ(file.modules[0]->heads, 2);
  EXPECT_FALSE(file.modules[0]->norm_over_frames);
}

TEST(MotionFileTest, TheMiddleBlocksMayBeMissing) {
  Tensors tensors = Whole();
  std::erase_if(tensors, [](const auto& entry) { return entry.first.rfind("mid_", 0) == 0; });
  EXPECT_FALSE(Read(tensors).modules[1].has_value());
}

TEST(MotionFileTest, TakesThePrefixOff) {
  Tensors prefixed;
  for (const auto& [name, tensor] : Whole()) prefixed["module." + name] = tensor;
  EXPECT_EQ(Read(prefixed).hash, Read(Whole()).hash);
}

TEST(MotionFileTest, KnowsDiffusersNames) {
  Tensors tensors = Whole();
  // diffusers has one table for both attentions.
  for (auto& [name, tensor] : tensors) {
    const size_t second = name.find("attention_blocks.1.pos");
    if (second != std::string::npos) {
      tensor = tensors.at(std::string(name).replace(second, 22, "attention_blocks.0.pos"));
    }
  }
  const MotionFile ours = Read(tensors, {.heads = 2, .norm_groups = 4, .norm_over_frames = true});
  const MotionFile theirs = Read(InDiffusersNames(tensors));
  EXPECT_TRUE(theirs.modules[0]->norm_over_frames);
  const at::Tensor x = at::randn({4, 8, 3, 3});
  EXPECT_TRUE(at::equal(AddedMotion(*ours.modules[0], x, 4, {}),
                        AddedMotion(*theirs.modules[0], x, 4, {})));
}

TEST(MotionFileTest, HashesTellModulesApart) {
  Tensors tensors = Whole();
  at::Tensor& weight = tensors["up_blocks.0.motion_modules.0.temporal_transformer.proj_out.weight"];
  weight = weight.clone();
  weight[3][1] += 1e-3;
  EXPECT_NE(Read(tensors).hash, Read(Whole()).hash);
}

TEST(MotionFileTest, RefusesOtherFilesAndOtherNetworks) {
  EXPECT_THAT(RefusalOf([](Tensors& t) {
                t = {{"a", at::zeros({1})}};
              }),
              HasSubstr("module: motion.safetensors is no motion module of AnimateDiff"));
  EXPECT_THAT(RefusalOf([](Tensors& t) { t["conv_in.weight"] = at::zeros({1}); }),
              HasSubstr("PIA"));
  EXPECT_THAT(RefusalOf([](Tensors& t) {
                t.merge(RandomModuleTensors("up_blocks.3.motion_modules.0", 8, 6));
              }),
              AllOf(HasSubstr("another structure"), HasSubstr("up_blocks.3.motion_modules.0")));
  EXPECT_THAT(RefusalOf([](Tensors& t) {
                std::erase_if(t, [](const auto& e) { return e.first.rfind("up_", 0) == 0; });
              }),
              AllOf(HasSubstr("no up_blocks.0.motion_modules.0"),
                    HasSubstr("which follows up_blocks.0.resnets.0")));
  EXPECT_THAT(RefusalOf([](Tensors& t) {
                t.merge(Tensors{});
                for (const auto& [name, tensor] :
                     RandomModuleTensors("down_blocks.0.motion_modules.0", 16, 6)) {
                  t[name] = tensor;
                }
              }),
              AllOf(HasSubstr("is for another model"), HasSubstr("is 16"),
                    HasSubstr("down_blocks.0.attentions.0 gives 8 channels")));
}

TEST(MotionFileTest, RefusesDamagedModules) {
  const std::string base = "down_blocks.0.motion_modules.0.temporal_transformer.";
  const std::string attention = base + "transformer_blocks.0.attention_blocks.1.";
  EXPECT_THAT(RefusalOf([&](Tensors& t) { t.erase(attention + "to_k.weight"); }),
              HasSubstr("has no tensor \"" + attention + "to_k.weight\""));
  EXPECT_THAT(RefusalOf([&](Tensors& t) {
                t[attention + "to_k.weight"] = at::zeros({8, 9});
              }),
              HasSubstr("is 8x9 and not 8x8"));
  EXPECT_THAT(RefusalOf([&](Tensors& t) {
                t[base + "proj_in.bias"] = at::full({8}, std::numeric_limits<float>::infinity());
              }),
              HasSubstr("not finite"));
  EXPECT_THAT(RefusalOf([&](Tensors& t) {
                t[attention + "pos_encoder.pe"] = at::zeros({1, 0, 8});
              }),
              HasSubstr("for no frame at all"));
  EXPECT_THAT(RefusalOf([&](Tensors& t) { t[attention + "pos_encoder.pe"] = at::zeros({6}); }),
              HasSubstr("too few dimensions"));
  EXPECT_THAT(Refusal([] { Read(Whole(), {.heads = 3, .norm_groups = 4}); }),
              AllOf(HasSubstr("cannot have 3 heads"), HasSubstr("num_attention_heads")));
}

TEST(ModuleFactsTest, ComeFromTheMetadataThenFromTheConfig) {
  const ModuleFacts none = FactsFrom("f", "", "", "", "");
  EXPECT_FALSE(none.heads.has_value() || none.norm_groups.has_value());
  const char config[] = R"({"motion_num_attention_heads": [4, 4], "motion_norm_num_groups": 16})";
  const ModuleFacts both = FactsFrom("f", "2", "", "true", config);
  EXPECT_EQ(both.heads, 2);
  EXPECT_EQ(both.norm_groups, 16);
  EXPECT_EQ(both.norm_over_frames, true);
  EXPECT_EQ(FactsFrom("f", "", "", "", config).heads, 4);
}

TEST(ModuleFactsTest, RefuseWhatCannotBe) {
  const auto refusal = [](const std::string& heads, const std::string& over,
                          const std::string& config) {
    return Refusal([&] { FactsFrom("f", heads, "", over, config); });
  };
  EXPECT_THAT(refusal("two", "", ""), HasSubstr("no whole number"));
  EXPECT_THAT(refusal("0", "", ""), HasSubstr("cannot be"));
  EXPECT_THAT(refusal("", "yes", ""), HasSubstr("true or false"));
  EXPECT_THAT(refusal("", "", "{"), HasSubstr("no JSON"));
  EXPECT_THAT(refusal("", "", R"({"motion_num_attention_heads": [1, 2]})"), HasSubstr("differs"));
  EXPECT_THAT(refusal("", "", R"({"motion_num_attention_heads": "8"})"),
              HasSubstr("no whole number"));
}

TEST(MotionFileTest, WhatWouldBeLeftOutIsRefused) {
  const std::string layers =
      "up_blocks.0.motion_modules.0.temporal_transformer.transformer_blocks.";
  EXPECT_THAT(
      RefusalOf([&](Tensors& tensors) { tensors[layers + "7.ff_norm.weight"] = at::ones({16}); }),
      AllOf(HasSubstr("transformer_blocks.7.ff_norm.weight"), HasSubstr("damaged")));
  EXPECT_THAT(RefusalOf([&](Tensors& tensors) {
                tensors[layers + "0.attention_blocks.9.to_q.weight"] = at::ones({16, 16});
              }),
              HasSubstr("attention_blocks.9.to_q.weight"));
}

}  // namespace
}  // namespace animatediff
