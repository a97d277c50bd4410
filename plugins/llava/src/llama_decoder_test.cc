#include "plugins/llava/src/llama_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "patchbay/error.h"
#include "plugins/testing/refusal.h"

namespace llava {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kWidth = 16;

LlamaConfig Config(int64_t key_heads) {
  LlamaConfig config;
  config.width = kWidth;
  config.feed_forward = 24;
  config.layers = 2;
  config.heads = 4;
  config.key_heads = key_heads;
  config.head_width = 4;
  config.vocabulary = 10;
  config.positions = 8;
  return config;
}

std::map<std::string, at::Tensor> Tensors(const LlamaConfig& config) {
  at::manual_seed(1);
  std::map<std::string, at::Tensor> tensors = {{"embed_tokens.weight", at::randn({10, kWidth})},
                                               {"norm.weight", at::rand({kWidth})}};
  for (int64_t i = 0; i < config.layers; ++i) {
    const std::string layer = "layers." + std::to_string(i) + ".";
    const int64_t keys = config.key_heads * config.head_width;
    tensors[layer + "input_layernorm.weight"] = at::rand({kWidth});
    tensors[layer + "post_attention_layernorm.weight"] = at::rand({kWidth});
    tensors[layer + "self_attn.q_proj.weight"] = at::randn({kWidth, kWidth});
    tensors[layer + "self_attn.k_proj.weight"] = at::randn({keys, kWidth});
    tensors[layer + "self_attn.v_proj.weight"] = at::randn({keys, kWidth});
    tensors[layer + "self_attn.o_proj.weight"] = at::randn({kWidth, kWidth});
    tensors[layer + "mlp.gate_proj.weight"] = at::randn({24, kWidth});
    tensors[layer + "mlp.up_proj.weight"] = at::randn({24, kWidth});
    tensors[layer + "mlp.down_proj.weight"] = at::randn({kWidth, 24});
  }
  return tensors;
}

at::Tensor States(const LlamaConfig& config, const std::map<std::string, at::Tensor>& tensors,
                  const std::vector<int64_t>& tokens) {
  const LlamaDecoder decoder(clip_vision::Weights("file", tensors), config);
  return decoder.States(decoder.Embeddings(tokens), [](double) {});
}

TEST(LlamaDecoderTest, ARowSeesThoseBeforeItOnly) {
  const LlamaConfig config = Config(4);
  const auto tensors = Tensors(config);
  const at::Tensor whole = States(config, tensors, {1, 2, 3, 4});
  EXPECT_TRUE(at::allclose(States(config, tensors, {1, 2, 3, 9}).slice(0, 0, 3),
                           whole.slice(0, 0, 3), 1e-5, 1e-6));
  EXPECT_FALSE(at::allclose(States(config, tensors, {9, 2, 3, 4})[3], whole[3], 1e-2, 1e-2));
  EXPECT_FALSE(at::allclose(States(config, tensors, {2, 1, 3, 4})[3], whole[3], 1e-2, 1e-2));
}

TEST(LlamaDecoderTest, GroupedQueriesShareTheirKeys) {
  const LlamaConfig grouped = Config(2);
  auto tensors = Tensors(grouped);
  const at::Tensor wanted = States(grouped, tensors, {1, 2, 3});
  for (auto& [name, tensor] : tensors) {
    if (name.find("k_proj") == std::string::npos && name.find("v_proj") == std::string::npos)
      continue;
    tensor = tensor.view({2, 1, 4, kWidth}).expand({2, 2, 4, kWidth}).reshape({kWidth, kWidth});
  }
  EXPECT_TRUE(at::allclose(States(Config(4), tensors, {1, 2, 3}), wanted, 1e-5, 1e-6));
}

TEST(LlamaDecoderTest, RotationDependsOnTheDistance) {
  const at::Tensor vector = at::tensor({1.0, 2.0, 3.0, 4.0});
  const at::Tensor turned = Rotated(vector.expand({1, 6, 4}), 10000)[0];
  EXPECT_TRUE(at::allclose(turned[0], vector));
  EXPECT_NEAR(turned[1][0].item<double>(), std::cos(1.0) - 3 * std::sin(1.0), 1e-6);
  EXPECT_NEAR(turned[1].dot(turned[3]).item<double>(), turned[2].dot(turned[4]).item<double>(),
              1e-6);
  EXPECT_GT(std::abs((turned[1].dot(turned[3]) - turned[1].dot(turned[4])).item<double>()), 1e-3);
}

// The weights of the linear layers as int8, and what these stand for.
struct Quantized {
  std::map<std::string, at::Tensor> stored, meant;
};

Quantized InGroups(const std::map<std::string, at::Tensor>& tensors, int64_t groups) {
  Quantized made{tensors, tensors};
  for (const auto& [name, weight] : tensors) {
    if (name.find("_proj") == std::string::npos) continue;
    const at::Tensor parts = weight.view({weight.size(0), groups, -1});
    const at::Tensor scale = parts.abs().amax({2}) / 127;
    const at::Tensor integers = (parts / scale.unsqueeze(2)).round();
    made.stored[name] = integers.view(weight.sizes()).to(at::kChar);
    made.stored[name + "_scale"] = scale;
    made.meant[name] = (integers * scale.unsqueeze(2)).view(weight.sizes());
  }
  return made;
}

TEST(LlamaDecoderTest, LayersMayBeStoredAsIntegers) {
  const LlamaConfig config = Config(2);
  const auto tensors = Tensors(config);
  for (const int64_t groups : {1, 4}) {
    const Quantized quantized = InGroups(tensors, groups);
    const at::Tensor states = States(config, quantized.stored, {1, 5, 2});
    EXPECT_TRUE(at::allclose(states, States(config, quantized.meant, {1, 5, 2}), 1e-5, 1e-5));
    EXPECT_FALSE(at::allclose(states, States(config, tensors, {1, 5, 2}), 1e-5, 1e-5));
  }
  const auto refusal = [&](const std::string& name, const at::Tensor& tensor) {
    auto stored = InGroups(tensors, 1).stored;
    stored["layers.1.mlp.up_proj." + name] = tensor;
    return patchbay::Refusal([&] { States(config, stored, {1}); });
  };
  EXPECT_THAT(refusal("weight_zero_point", at::zeros({24, 1})), HasSubstr("with a zero point"));
  EXPECT_THAT(refusal("weight_scale", at::ones({24, 3})),
              HasSubstr("3 groups, which do not divide"));
  EXPECT_THAT(refusal("weight_scale", at::ones({23, 1})), HasSubstr("is 23x1 and not 24x1"));
  EXPECT_THAT(refusal("weight", at::ones({24, kWidth})), HasSubstr("holds no integers of 8 bits"));
  auto unscaled = InGroups(tensors, 1).stored;
  unscaled.erase("layers.0.mlp.up_proj.weight_scale");
  EXPECT_THAT(patchbay::Refusal([&] { States(config, unscaled, {1}); }),
              HasSubstr("holds no real numbers"));
}

TEST(LlamaDecoderTest, SaysWhatIsWrong) {
  const LlamaConfig config = Config(4);
  auto tensors = Tensors(config);
  const auto refusal = [&](const std::vector<int64_t>& tokens) -> std::string {
    return patchbay::Refusal([&] { States(config, tensors, tokens); });
  };
  EXPECT_THAT(refusal({10}), HasSubstr("the token 10"));
  EXPECT_THAT(refusal(std::vector<int64_t>(9, 1)), HasSubstr("positions for 8"));
  tensors["layers.1.mlp.up_proj.weight"] = at::zeros({24, 8});
  EXPECT_THAT(refusal({1}), HasSubstr("\"layers.1.mlp.up_proj.weight\" is 24x8 and not 24x16"));
  tensors.erase("layers.1.mlp.up_proj.weight");
  EXPECT_THAT(refusal({1}), HasSubstr("no tensor \"layers.1.mlp.up_proj.weight\""));
}

TEST(LlamaDecoderTest, TellsEachLayerAndCanBeCancelled) {
  const LlamaConfig config = Config(4);
  const LlamaDecoder decoder(clip_vision::Weights("file", Tensors(config)), config);
  std::vector<double> seen;
  decoder.States(decoder.Embeddings({1}), [&](double fraction) { seen.push_back(fraction); });
  EXPECT_THAT(seen, ElementsAre(0, 0.5));
  EXPECT_THROW(
      decoder.States(decoder.Embeddings({1}), [](double) { throw patchbay::Error("stop"); }),
      patchbay::Error);
}

}  // namespace
}  // namespace llava
