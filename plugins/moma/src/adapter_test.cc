#include "plugins/moma/src/adapter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "plugins/testing/refusal.h"

namespace moma {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Tensors = std::map<std::string, at::Tensor>;

constexpr int64_t kText = 6;
constexpr int64_t kEmbedding = 5;
constexpr int64_t kState = 7;

const std::vector<TransformerBlock> kBlocks = {{"down.attn1", "down.attn2", 8},
                                               {"mid.attn1", "mid.attn2", 12}};

Tensors File() {
  Tensors file = {{"moma.image_proj.proj.weight", at::randn({4 * kText, kEmbedding})},
                  {"moma.image_proj.proj.bias", at::randn({4 * kText})},
                  {"moma.image_proj.norm.weight", at::randn({kText})},
                  {"moma.image_proj.norm.bias", at::randn({kText})}};
  for (size_t place = 0; place < kBlocks.size(); ++place) {
    const int64_t channels = kBlocks[place].channels;
    const std::string self = "moma.attn." + std::to_string(2 * place);
    const std::string cross = "moma.attn." + std::to_string(2 * place + 1);
    for (const char* const name : {".to_k_ip.weight", ".to_v_ip.weight"}) {
      file[self + name] = at::randn({channels, channels});
      file[cross + name] = at::randn({channels, kText});
    }
    file[self + ".scale"] = at::full({1}, 0.25);
  }
  return file;
}

Tensors WithMapping() {
  Tensors file = File();
  file["moma.llm_mapping.gate_proj.weight"] = at::randn({kEmbedding, kState});
  file["moma.llm_mapping.up_proj.weight"] = at::randn({kEmbedding, kState});
  file["moma.llm_mapping.down_proj.weight"] = at::randn({kEmbedding, kEmbedding});
  return file;
}

Adapter Made(Tensors tensors) { return Adapter(clip_vision::Weights("file", std::move(tensors))); }

std::string Refusal(Tensors tensors, int64_t text_features = kText,
                    const std::vector<TransformerBlock>& blocks = kBlocks) {
  return patchbay::Refusal([&] { Made(std::move(tensors)).CheckFits(text_features, blocks); });
}

TEST(AdapterTest, TakesWhatFits) {
  EXPECT_EQ(Refusal(File()), "");
  EXPECT_EQ(Refusal(WithMapping()), "");
  Tensors file = File();
  file["moma.attn.0.scale"] = at::tensor(0.5);  // a single number
  file["moma.attn.1.to_k_ip.weight"] = file["moma.attn.1.to_k_ip.weight"].to(at::kBFloat16);
  EXPECT_EQ(Refusal(file), "");
  EXPECT_EQ(Made(file).ReadSelfWeights(0, 8).scale, 0.5);
}

TEST(AdapterTest, RefusesOtherFiles) {
  EXPECT_THAT(Refusal({{"w", at::zeros({1})}}), HasSubstr("no MoMA adapter"));
  EXPECT_THAT(Refusal({{"ip_adapter.1.to_k_ip.weight", at::zeros({1})}}),
              HasSubstr("plugin ip-adapter"));
  EXPECT_THAT(Refusal(File(), 8), AllOf(HasSubstr("text has 6"), HasSubstr("has 8")));
  Tensors square = WithMapping();
  for (const char* const name : {"gate", "up"}) {
    square[std::string("moma.llm_mapping.") + name + "_proj.weight"] =
        at::randn({kEmbedding, kEmbedding});
  }
  EXPECT_THAT(Refusal(square), HasSubstr("tell apart"));
  Tensors file = File();
  file["moma.image_proj.proj.weight"] = at::zeros({23, kEmbedding});
  EXPECT_THAT(Refusal(file), HasSubstr("23 rows"));
}

TEST(AdapterTest, NamesAMissingTensor) {
  const Tensors whole = WithMapping();
  for (const auto& [name, tensor] : whole) {
    Tensors file = whole;
    file.erase(name);
    EXPECT_THAT(Refusal(file), HasSubstr("\"" + name + "\"")) << name;
  }
}

TEST(AdapterTest, RefusesSwappedTensors) {
  Tensors file = File();
  std::swap(file["moma.attn.0.to_k_ip.weight"], file["moma.attn.2.to_k_ip.weight"]);
  EXPECT_THAT(Refusal(file), AllOf(HasSubstr("\"moma.attn.0.to_k_ip.weight\" is 12x12"),
                                   HasSubstr("down.attn1 needs 8x8")));
  file = File();
  std::swap(file["moma.attn.1.to_v_ip.weight"], file["moma.attn.0.to_v_ip.weight"]);
  EXPECT_THAT(Refusal(file), HasSubstr("mixed up"));
}

TEST(AdapterTest, RefusesOtherNetworks) {
  EXPECT_THAT(Refusal(File(), kText, {kBlocks[0]}), HasSubstr("is too much"));
  std::vector<TransformerBlock> more = kBlocks;
  more.resize(5, kBlocks[1]);
  EXPECT_THAT(Refusal(File(), kText, more), HasSubstr("10 attentions"));
}

TEST(AdapterTest, MakesTokens) {
  const Tensors file = WithMapping();
  const Adapter adapter = Made(file);
  const at::Tensor embedding = at::randn({kEmbedding});
  const at::Tensor tokens = adapter.TokensOf(embedding);
  const at::Tensor numbers = at::matmul(file.at("moma.image_proj.proj.weight"), embedding) +
                             file.at("moma.image_proj.proj.bias");
  const at::Tensor rows = numbers.view({4, kText});
  const at::Tensor centred = rows - rows.mean(1, true);
  const at::Tensor norm = centred / (centred.square().mean(1, true) + 1e-5).sqrt();
  EXPECT_TRUE(at::allclose(
      tokens, norm * file.at("moma.image_proj.norm.weight") + file.at("moma.image_proj.norm.bias"),
      1e-5, 1e-5));
  // Unconditional rows do not get zeros.
  EXPECT_GT(adapter.TokensOf(at::zeros({kEmbedding})).abs().max().item<float>(), 0.1f);
}

TEST(AdapterTest, MapsALanguageModelsState) {
  const Tensors file = WithMapping();
  const at::Tensor state = at::randn({kState});
  const at::Tensor gate = at::matmul(file.at("moma.llm_mapping.gate_proj.weight"), state);
  const at::Tensor up = at::matmul(file.at("moma.llm_mapping.up_proj.weight"), state);
  const at::Tensor expected =
      at::matmul(file.at("moma.llm_mapping.down_proj.weight"), gate * at::sigmoid(gate) * up);
  EXPECT_TRUE(at::allclose(Made(file).EmbeddingOf(state), expected, 1e-5, 1e-5));
}

}  // namespace
}  // namespace moma
