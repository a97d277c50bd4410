#include "plugins/moma/src/embedding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <map>

#include "plugins/testing/refusal.h"

namespace moma {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Tensors = std::map<std::string, at::Tensor>;

Adapter MadeAdapter(bool with_mapping) {
  Tensors file = {{"moma.image_proj.proj.weight", at::randn({4 * 6, 5})},
                  {"moma.image_proj.proj.bias", at::randn({4 * 6})},
                  {"moma.image_proj.norm.weight", at::randn({6})},
                  {"moma.image_proj.norm.bias", at::randn({6})}};
  if (with_mapping) {
    file["moma.llm_mapping.gate_proj.weight"] = at::randn({5, 7});
    file["moma.llm_mapping.up_proj.weight"] = at::randn({5, 7});
    file["moma.llm_mapping.down_proj.weight"] = at::randn({5, 5});
  }
  return Adapter(clip_vision::Weights("adapter", std::move(file)));
}

clip_vision::Weights File(const at::Tensor& tensor, const char* name = "moma_embedding") {
  return clip_vision::Weights("tokens.safetensors", {{name, tensor}});
}

std::string Refusal(const clip_vision::Weights& file, bool with_mapping = true) {
  return patchbay::Refusal([&] { TokensFromFile(file, MadeAdapter(with_mapping)); });
}

TEST(EmbeddingTest, TheShapeSaysWhatItIs) {
  const Adapter adapter = MadeAdapter(true);
  const at::Tensor state = at::randn({7});
  const at::Tensor embedding = adapter.EmbeddingOf(state);
  const at::Tensor tokens = adapter.TokensOf(embedding);
  EXPECT_TRUE(at::equal(TokensFromFile(File(state), adapter), tokens));
  EXPECT_TRUE(at::equal(TokensFromFile(File(embedding), adapter), tokens));
  EXPECT_TRUE(at::equal(TokensFromFile(File(tokens), adapter), tokens));
}

TEST(EmbeddingTest, RefusesOtherFiles) {
  EXPECT_THAT(Refusal(File(at::zeros({5}), "embedding")),
              HasSubstr("no tensor \"moma_embedding\""));
  EXPECT_THAT(Refusal(File(at::zeros({9}))),
              AllOf(HasSubstr("is 9"), HasSubstr("7 (a state), 5 (an embedding) or 4x6")));
  EXPECT_THAT(Refusal(File(at::zeros({7})), false), HasSubstr("moma.llm_mapping"));
  EXPECT_THAT(Refusal(File(at::zeros({1, 5}))), HasSubstr("is 1x5"));
  EXPECT_THAT(Refusal(File(at::full({5}, std::numeric_limits<double>::quiet_NaN()))),
              HasSubstr("not finite"));
  EXPECT_THAT(Refusal(File(at::zeros({5}, at::kLong))), HasSubstr("no real numbers"));
}

}  // namespace
}  // namespace moma
