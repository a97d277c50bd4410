#include "plugins/outpainter/src/attention_lora.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/training/src/seeded_draws.h"

namespace outpainter {
namespace {

using ::testing::ElementsAre;

const std::vector<LoraPlace> kPlaces = {{"a.attn1.to_q", 6, 4}, {"a.attn2.to_k", 10, 4}};

AttentionLora Trained() {
  AttentionLora lora = FreshLora(kPlaces, 3, training::GeneratorFor(1, -1));
  const at::Generator draws = training::GeneratorFor(1, 0);
  for (at::Tensor& tensor : lora.tensors) tensor = at::randn(tensor.sizes(), draws, at::kFloat);
  return lora;
}

TEST(AttentionLoraTest, BeginsWithoutAnEffect) {
  const AttentionLora lora = FreshLora(kPlaces, 3, training::GeneratorFor(1, -1));
  const at::Tensor output = at::randn({2, 5, 4});
  EXPECT_TRUE(at::equal(Changed(lora, 1, at::randn({2, 5, 10}), output, 0, {}), output));
  EXPECT_EQ(lora.tensors[2].sizes(), (std::vector<int64_t>{3, 10}));
  EXPECT_GT(lora.tensors[2].abs().max().item<float>(), 0.2);
  EXPECT_LE(lora.tensors[2].abs().max().item<float>(), 1 / std::sqrt(10.0));
}

TEST(AttentionLoraTest, AddsTwiceTheProduct) {
  const AttentionLora lora = Trained();
  const at::Tensor input = at::randn({2, 5, 6});
  const at::Tensor output = at::randn({2, 5, 4});
  const at::Tensor wanted = output + 2 * input.matmul(lora.tensors[1].matmul(lora.tensors[0]).t());
  EXPECT_TRUE(at::allclose(Changed(lora, 0, input, output, 0, {}), wanted, 1e-5, 1e-5));
}

TEST(AttentionLoraTest, KeepsTheNetworksType) {
  const at::Tensor output = at::zeros({1, 1, 4}, at::kBFloat16);
  const at::Tensor input = at::ones({1, 1, 6}, at::kBFloat16);
  EXPECT_EQ(Changed(Trained(), 0, input, output, 0, {}).scalar_type(), at::kBFloat16);
}

TEST(AttentionLoraTest, DropoutKeepsTheMean) {
  const AttentionLora lora = Trained();
  const at::Tensor input = at::ones({20000, 6});
  const at::Tensor output = at::zeros({20000, 4});
  const at::Tensor all = Changed(lora, 0, input, output, 0, {});
  const at::Tensor some = Changed(lora, 0, input, output, 0.5, training::GeneratorFor(1, 2));
  EXPECT_FALSE(at::allclose(some, all, 0.1, 0.1));
  EXPECT_TRUE(at::allclose(some.mean(0), all.mean(0), 0.05, 0.2));
  EXPECT_TRUE(at::equal(some, Changed(lora, 0, input, output, 0.5, training::GeneratorFor(1, 2))));
}

TEST(AttentionLoraTest, HasTheNamesOfPeft) {
  const AttentionLora lora = Trained();
  EXPECT_THAT(TensorNames(lora),
              ElementsAre("unet.a.attn1.to_q.lora_A.weight", "unet.a.attn1.to_q.lora_B.weight",
                          "unet.a.attn2.to_k.lora_A.weight", "unet.a.attn2.to_k.lora_B.weight"));
  const auto named = NamedTensors(lora);
  EXPECT_EQ(named.size(), 4);
  const auto exported = ExportedTensors(lora);
  EXPECT_TRUE(at::equal(exported.at("unet.a.attn1.to_q.lora_A.weight"), lora.tensors[0]));
  EXPECT_TRUE(at::equal(exported.at("unet.a.attn1.to_q.lora_B.weight"), lora.tensors[1] * 2));
}

}  // namespace
}  // namespace outpainter
