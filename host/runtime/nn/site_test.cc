#include "host/runtime/nn/site.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace patchbay {
namespace {

constexpr char kFirst[] = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q";

TEST(SiteTest, ShortensDiffusersPaths) {
  EXPECT_EQ(ShortenedPath(kFirst), "down.1.attn.0.block.0.self.to_q");
  EXPECT_EQ(ShortenedPath("up_blocks.2.upsamplers.0"), "up.2.upsample.0");
  EXPECT_EQ(ShortenedPath("mid_block.resnets.1.conv1"), "mid.resnet.1.conv1");
  EXPECT_EQ(ShortenedPath("conv_in"), "conv_in");
}

TEST(SiteTest, FindsByEitherName) {
  SiteTable sites("unet");
  const SiteIndex other = sites.Add(SiteKind::kConvolution, "conv_in", 4, 320);
  const SiteIndex site = sites.Add(SiteKind::kLinear, kFirst, 320, 320);
  EXPECT_EQ(sites.Find("unet.down.1.attn.0.block.0.self.to_q"), site);
  EXPECT_EQ(sites.Find(kFirst), site);
  EXPECT_EQ(sites.Find(absl::StrCat("unet.", kFirst)), site);
  EXPECT_EQ(sites.Find("conv_in"), other);
  EXPECT_EQ(sites.Find("unet.down.1"), std::nullopt);
  EXPECT_EQ(sites[site].in_channels, 320);
}

TEST(SiteTest, FindsByLdmName) {
  SiteTable sites("unet");
  const SiteIndex site = sites.Add(SiteKind::kConvolution, "conv_in", 4, 320);
  const SiteIndex block = sites.Add(SiteKind::kBlock, "down_blocks.0", 320, 320);
  sites.AddLdmNames([](std::string_view name) -> std::optional<std::string> {
    if (name == "conv_in") return "input_blocks.0.0";
    return std::nullopt;
  });
  EXPECT_EQ(sites.Find("input_blocks.0.0"), site);
  EXPECT_EQ(sites.Find("model.diffusion_model.input_blocks.0.0"), site);
  EXPECT_EQ(sites[site].ldm_name, "input_blocks.0.0");
  EXPECT_EQ(sites[block].ldm_name, "");
}

TEST(SiteTest, TheOnlyBlockNeedsNoNumber) {
  SiteTable sites("unet");
  const SiteIndex site = sites.Add(SiteKind::kLinear, kFirst, 320, 320);
  EXPECT_EQ(sites.Find("unet.down.1.attn.0.self.to_q"), site);
}

TEST(SiteTest, OneOfSeveralBlocksNeedsItsNumber) {
  SiteTable sites("unet");
  sites.Add(SiteKind::kLinear, kFirst, 320, 320);
  sites.Add(SiteKind::kLinear, "down_blocks.1.attentions.0.transformer_blocks.1.attn1.to_q", 320,
            320);
  EXPECT_EQ(sites.Find("unet.down.1.attn.0.self.to_q"), std::nullopt);
}

TEST(SiteTest, OtherComponentsKeepTheirPaths) {
  SiteTable sites("text_encoder");
  const SiteIndex site = sites.Add(SiteKind::kLinear, "layers.0.self_attn.q_proj", 64, 64);
  EXPECT_EQ(sites[site].name, "text_encoder.layers.0.self_attn.q_proj");
}

}  // namespace
}  // namespace patchbay
