#include "plugins/llava/src/llava.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "plugins/llava/src/tokenizer_json.h"
#include "plugins/testing/refusal.h"

// Agreement with transformers is tested in tests/parity/plugins/test_llava.py.
namespace llava {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kWidth = 16;
constexpr int64_t kVision = 64;

// In the names of the LLaVA authors' repository.
std::map<std::string, at::Tensor> Tensors() {
  at::manual_seed(1);
  std::map<std::string, at::Tensor> tensors;
  const auto add = [&](const std::string& name, at::IntArrayRef shape) {
    tensors[name] = 0.3 * at::randn(shape);
  };
  const auto add_both = [&](const std::string& name, at::IntArrayRef shape) {
    add(name + ".weight", shape);
    add(name + ".bias", shape.slice(0, 1));
  };
  const std::string tower = "model.vision_tower.vision_tower.vision_model.";
  add(tower + "embeddings.class_embedding", {kVision});
  add(tower + "embeddings.patch_embedding.weight", {kVision, 3, 4, 4});
  add(tower + "embeddings.position_embedding.weight", {5, kVision});
  add_both(tower + "pre_layrnorm", {kVision});
  for (const char* number : {"0", "1"}) {
    const std::string layer = tower + "encoder.layers." + number + ".";
    for (const char* name : {"q_proj", "k_proj", "v_proj", "out_proj"}) {
      add_both(layer + "self_attn." + name, {kVision, kVision});
    }
    for (const char* name : {"layer_norm1", "layer_norm2"}) add_both(layer + name, {kVision});
    add_both(layer + "mlp.fc1", {32, kVision});
    add_both(layer + "mlp.fc2", {kVision, 32});
  }
  add_both("model.mm_projector.0", {kWidth, kVision});
  add_both("model.mm_projector.2", {kWidth, kWidth});
  add("model.embed_tokens.weight", {5, kWidth});
  add("model.norm.weight", {kWidth});
  const std::string layer = "model.layers.0.";
  for (const char* name : {"input_layernorm", "post_attention_layernorm"}) {
    add(layer + name + ".weight", {kWidth});
  }
  for (const char* name : {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
                           "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"}) {
    add(layer + name + ".weight", {kWidth, kWidth});
  }
  return tensors;
}

LlavaConfig Config() {
  const json file = {{"mm_projector_type", "mlp2x_gelu"}, {"hidden_size", kWidth},
                     {"intermediate_size", kWidth},       {"num_hidden_layers", 1},
                     {"num_attention_heads", 4},          {"vocab_size", 5}};
  return ReadLlavaConfig(file.dump(), "config.json");
}

Tokenizer LettersTokenizer() {
  const json file = {{"added_tokens", {{{"id", 2}, {"content", "</s>"}}}},
                     {"model",
                      {{"type", "BPE"},
                       {"merges", json::array()},
                       {"vocab", {{"<s>", 1}, {"</s>", 2}, {"a", 3}, {"b", 4}}}}}};
  return Tokenizer(ReadTokenizerJson(file.dump(), "tokenizer.json"));
}

Llava Make(const std::map<std::string, at::Tensor>& tensors) {
  return {clip_vision::Weights("folder", tensors), Config(), LettersTokenizer()};
}

at::Tensor State(const Llava& llava, const at::Tensor& picture, const PictureText& text) {
  return llava.LastState(picture, text, [](double) {});
}

TEST(LlavaTest, ReadsThePictureBetweenItsTexts) {
  const Llava llava = Make(Tensors());
  EXPECT_EQ(llava.picture_size(), 8);
  EXPECT_THAT(llava.TokensBefore({"ab", "b"}), ElementsAre(1, 3, 4));
  EXPECT_THAT(llava.TokensAfter({"ab", "b"}), ElementsAre(4));
  const at::Tensor picture = at::randn({1, 3, 8, 8});
  const at::Tensor state = State(llava, picture, {"a", "ab"});
  EXPECT_EQ(state.sizes(), (at::IntArrayRef{kWidth}));
  EXPECT_TRUE(at::equal(state, State(llava, picture, {"a", "ab"})));
  EXPECT_FALSE(at::allclose(state, State(llava, picture, {"b", "ab"}), 1e-3, 1e-3));
  EXPECT_FALSE(at::allclose(state, State(llava, picture, {"a", "aab"}), 1e-3, 1e-3));
  EXPECT_FALSE(at::allclose(state, State(llava, at::randn({1, 3, 8, 8}), {"a", "ab"}), 1e-3, 1e-3));
}

TEST(LlavaTest, TheLastLayerOfTheTowerIsNotUsed) {
  auto tensors = Tensors();
  const at::Tensor picture = at::randn({1, 3, 8, 8});
  const at::Tensor state = State(Make(tensors), picture, {"a", "b"});
  for (auto& [name, tensor] : tensors) {
    if (name.find("encoder.layers.1") != std::string::npos) tensor = at::zeros_like(tensor);
  }
  EXPECT_TRUE(at::equal(State(Make(tensors), picture, {"a", "b"}), state));
}

TEST(LlavaTest, SaysWhatIsWrong) {
  const auto refusal = [](const std::string& missing, const std::string& text) -> std::string {
    auto tensors = Tensors();
    tensors.erase(missing);
    return patchbay::Refusal([&] { State(Make(tensors), at::randn({1, 3, 8, 8}), {text, "b"}); });
  };
  EXPECT_EQ(refusal("", "a"), "");
  for (const char* missing :
       {"model.embed_tokens.weight", "model.mm_projector.2.bias",
        "model.layers.0.mlp.up_proj.weight",
        "model.vision_tower.vision_tower.vision_model.embeddings.class_embedding"}) {
    EXPECT_THAT(refusal(missing, "a"),
                HasSubstr("folder has no tensor \"" + std::string(missing) + "\""));
  }
  EXPECT_THAT(refusal("", "a</s>"), HasSubstr("\"</s>\""));
  // A text that is too long, before the vision encoder is run.
  EXPECT_THAT(
      refusal("model.vision_tower.vision_tower.vision_model.encoder.layers.0.layer_norm2.weight",
              std::string(3000, 'a')),
      HasSubstr("positions for 2048"));
}

}  // namespace
}  // namespace llava
