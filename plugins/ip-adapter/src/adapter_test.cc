#include "plugins/ip-adapter/src/adapter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "plugins/testing/refusal.h"

namespace ip_adapter {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Tensors = std::map<std::string, at::Tensor>;

const std::vector<CrossAttention> kAttentions = {{"down.attn2", 8}, {"up.attn2", 12}};

Tensors PlainFile() {
  return {{"image_proj.proj.weight", at::randn({4 * 6, 5})},
          {"image_proj.proj.bias", at::randn({4 * 6})},
          {"image_proj.norm.weight", at::randn({6})},
          {"image_proj.norm.bias", at::randn({6})},
          {"ip_adapter.1.to_k_ip.weight", at::randn({8, 6})},
          {"ip_adapter.1.to_v_ip.weight", at::randn({8, 6})},
          {"ip_adapter.3.to_k_ip.weight", at::randn({12, 6})},
          {"ip_adapter.3.to_v_ip.weight", at::randn({12, 6})}};
}

Adapter Made(Tensors tensors) { return Adapter(clip_vision::Weights("file", std::move(tensors))); }

std::string Refusal(Tensors tensors, int64_t text_features = 6,
                    const std::vector<CrossAttention>& attentions = kAttentions) {
  return patchbay::Refusal([&] { Made(std::move(tensors)).CheckFits(text_features, attentions); });
}

TEST(AdapterTest, RecognisesTheKinds) {
  EXPECT_EQ(Made(PlainFile()).projection(), Projection::kPlain);
  EXPECT_EQ(Made(PlainFile()).input_width(), 5);
  Tensors plus = {{"image_proj.latents", at::zeros({1, 16, 64})},
                  {"image_proj.proj_in.weight", at::zeros({64, 9})},
                  {"image_proj.norm_out.weight", at::zeros({6})},
                  {"ip_adapter.1.to_k_ip.weight", at::zeros({8, 6})}};
  EXPECT_EQ(Made(plus).projection(), Projection::kPlus);
  EXPECT_EQ(Made(plus).input_width(), 9);
  Tensors full = {{"image_proj.proj.0.weight", at::zeros({7, 9})},
                  {"image_proj.proj.3.weight", at::zeros({6})},
                  {"ip_adapter.1.to_k_ip.weight", at::zeros({8, 6})}};
  EXPECT_EQ(Made(full).projection(), Projection::kFull);
  EXPECT_EQ(Made(full).token_width(), 6);
}

TEST(AdapterTest, TakesWhatFits) { EXPECT_EQ(Refusal(PlainFile()), ""); }

TEST(AdapterTest, RefusesOtherFiles) {
  EXPECT_THAT(Refusal({{"lora_unet_down.weight", at::zeros({2})}}),
              AllOf(HasSubstr("adapter: file is no IP-Adapter"), HasSubstr("h94/IP-Adapter")));
  Tensors unknown = PlainFile();
  unknown.erase("image_proj.proj.weight");
  EXPECT_THAT(Refusal(unknown), HasSubstr("no known kind"));
}

TEST(AdapterTest, RefusesFaceIdByName) {
  for (const char* name : {"ip_adapter.1.to_q_lora.down.weight",
                           "image_proj.perceiver_resampler.latents", "image_proj.proj.2.weight"}) {
    Tensors face = PlainFile();
    face[name] = at::zeros({2, 2});
    EXPECT_THAT(Refusal(face), HasSubstr("FaceID"));
  }
}

TEST(AdapterTest, RefusesAnotherWidth) {
  EXPECT_THAT(Refusal(PlainFile(), 7),
              AllOf(HasSubstr("text has 6 features"), HasSubstr("this model's has 7")));
}

TEST(AdapterTest, NamesAMissingTensor) {
  for (const char* name : {"ip_adapter.1.to_k_ip.weight", "ip_adapter.3.to_v_ip.weight"}) {
    Tensors tensors = PlainFile();
    tensors.erase(name);
    EXPECT_THAT(Refusal(tensors), AllOf(HasSubstr(name), HasSubstr("incomplete")));
  }
}

TEST(AdapterTest, NamesTensorsInEachOthersPlace) {
  Tensors tensors = PlainFile();
  std::swap(tensors["ip_adapter.1.to_k_ip.weight"], tensors["ip_adapter.3.to_k_ip.weight"]);
  EXPECT_THAT(Refusal(tensors),
              AllOf(HasSubstr("\"ip_adapter.1.to_k_ip.weight\" is 12x6, and down.attn2 needs 8x6"),
                    HasSubstr("mixed up")));
}

TEST(AdapterTest, RefusesAnotherStructure) {
  EXPECT_THAT(Refusal(PlainFile(), 6, {{"down.attn2", 8}}),
              AllOf(HasSubstr("1 cross-attentions"), HasSubstr("too much")));
  std::vector<CrossAttention> many(7, {"attn2", 8});
  EXPECT_THAT(Refusal(PlainFile(), 6, many),
              AllOf(HasSubstr("7 cross-attentions"), HasSubstr("missing")));
}

TEST(AdapterTest, MakesKeysAndValues) {
  const Tensors tensors = PlainFile();
  const at::Tensor tokens = at::randn({2, 3, 4, 6});
  const auto [keys, values] = Made(tensors).KeysAndValues(1, kAttentions[1], tokens);
  EXPECT_EQ(keys.sizes(), (at::IntArrayRef{2, 3, 4, 12}));
  EXPECT_TRUE(at::allclose(
      values, at::matmul(tokens, tensors.at("ip_adapter.3.to_v_ip.weight").t()), 1e-5, 1e-5));
}

}  // namespace
}  // namespace ip_adapter
