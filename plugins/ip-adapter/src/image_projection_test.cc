#include "plugins/ip-adapter/src/image_projection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "plugins/testing/refusal.h"

// Agreement with diffusers is tested in tests/parity/plugins/test_ip_adapter.py.
namespace ip_adapter {
namespace {

using ::testing::HasSubstr;
using Tensors = std::map<std::string, at::Tensor>;

Adapter Made(Tensors tensors) {
  tensors["ip_adapter.1.to_k_ip.weight"] = at::zeros({8, 6});
  return Adapter(clip_vision::Weights("file", std::move(tensors)));
}

Tensors Plain() {
  return {{"image_proj.proj.weight", at::randn({4 * 6, 5})},
          {"image_proj.proj.bias", at::randn({4 * 6})},
          {"image_proj.norm.weight", at::randn({6})},
          {"image_proj.norm.bias", at::randn({6})}};
}

Tensors Plus(int64_t inner) {
  Tensors tensors = {{"image_proj.latents", at::randn({1, 3, 10})},
                     {"image_proj.proj_in.weight", at::randn({10, 9})},
                     {"image_proj.proj_in.bias", at::randn({10})},
                     {"image_proj.proj_out.weight", at::randn({6, 10})},
                     {"image_proj.proj_out.bias", at::randn({6})},
                     {"image_proj.norm_out.weight", at::randn({6})},
                     {"image_proj.norm_out.bias", at::randn({6})}};
  for (const char* block : {"image_proj.layers.0.", "image_proj.layers.1."}) {
    const std::string name = block;
    for (const char* norm : {"0.norm1", "0.norm2", "1.0"}) {
      tensors[name + norm + ".weight"] = at::randn({10});
      tensors[name + norm + ".bias"] = at::randn({10});
    }
    tensors[name + "0.to_q.weight"] = at::randn({inner, 10});
    tensors[name + "0.to_kv.weight"] = at::randn({2 * inner, 10});
    tensors[name + "0.to_out.weight"] = at::randn({10, inner});
    tensors[name + "1.1.weight"] = at::randn({40, 10});
    tensors[name + "1.3.weight"] = at::randn({10, 40});
  }
  return tensors;
}

Tensors Full() {
  return {
      {"image_proj.proj.0.weight", at::randn({9, 9})}, {"image_proj.proj.0.bias", at::randn({9})},
      {"image_proj.proj.2.weight", at::randn({6, 9})}, {"image_proj.proj.2.bias", at::randn({6})},
      {"image_proj.proj.3.weight", at::randn({6})},    {"image_proj.proj.3.bias", at::randn({6})}};
}

std::string Refusal(const Adapter& adapter, const at::Tensor& features) {
  return patchbay::Refusal([&] { Project(adapter, features); });
}

TEST(ImageProjectionTest, GivesTokensOfTheTextsWidth) {
  EXPECT_EQ(Project(Made(Plain()), at::randn({2, 5})).sizes(), (at::IntArrayRef{2, 4, 6}));
  EXPECT_EQ(Project(Made(Plus(128)), at::randn({2, 11, 9})).sizes(), (at::IntArrayRef{2, 3, 6}));
  EXPECT_EQ(Project(Made(Full()), at::randn({2, 11, 9})).sizes(), (at::IntArrayRef{2, 11, 6}));
}

// arXiv:2308.06721: tokens of nothing are not nothing.
TEST(ImageProjectionTest, EmptyPicturesHaveTokens) {
  EXPECT_GT(Project(Made(Plain()), at::zeros({1, 5})).abs().max().item<float>(), 0.1);
}

TEST(ImageProjectionTest, PicturesDoNotMix) {
  const Adapter adapter = Made(Plus(64));
  const at::Tensor states = at::randn({3, 11, 9});
  EXPECT_TRUE(at::allclose(Project(adapter, states.slice(0, 1, 2)),
                           Project(adapter, states).slice(0, 1, 2), 1e-4, 1e-4));
}

TEST(ImageProjectionTest, SaysWhatDoesNotFit) {
  Tensors plain = Plain();
  plain["image_proj.proj.weight"] = at::randn({25, 5});
  EXPECT_THAT(Refusal(Made(plain), at::zeros({1, 5})), HasSubstr("no whole tokens of 6"));
  EXPECT_THAT(Refusal(Made(Plus(96)), at::zeros({1, 2, 9})), HasSubstr("no whole heads of 64"));
  Tensors many = Plus(64);
  many["image_proj.latents"] = at::zeros({1, 1025, 10});
  EXPECT_THAT(Refusal(Made(many), at::zeros({1, 2, 9})), HasSubstr("makes 1025 tokens"));
  many["image_proj.latents"] = at::zeros({1, 0, 10});
  EXPECT_THAT(Refusal(Made(many), at::zeros({1, 2, 9})), HasSubstr("makes 0 tokens"));
  EXPECT_THAT(Refusal(Made(Full()), at::zeros({1, 1025, 9})), HasSubstr("makes 1025 tokens"));
  plain["image_proj.proj.weight"] = at::zeros({1025 * 6, 5});
  EXPECT_THAT(Refusal(Made(plain), at::zeros({1, 5})), HasSubstr("makes 1025 tokens"));
  Tensors plus = Plus(64);
  plus.erase("image_proj.layers.1.1.3.weight");
  EXPECT_THAT(Refusal(Made(plus), at::zeros({1, 2, 9})),
              HasSubstr("no tensor \"image_proj.layers.1.1.3.weight\""));
}

}  // namespace
}  // namespace ip_adapter
