#include "host/runtime/checkpoint/open_clip.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace patchbay {
namespace {

WeightMap OpenClip(int layers, bool projection) {
  WeightMap weights;
  for (int i = 0; i < layers; ++i) {
    const std::string block = absl::StrCat("transformer.resblocks.", i, ".");
    weights[block + "attn.in_proj_weight"] = {at::arange(12, at::kFloat).reshape({6, 2}), nullptr};
    weights[block + "ln_1.weight"] = {at::full({2}, i), nullptr};
  }
  weights["logit_scale"] = {at::ones({}), nullptr};
  if (projection) {
    weights["text_projection"] = {at::arange(4, at::kFloat).reshape({2, 2}), nullptr};
  }
  return weights;
}

TEST(OpenClip, SplitsRowsAndTransposesTheProjection) {
  const auto converted = ConvertOpenClip(OpenClip(1, true), OpenClipUse::kProjected);
  ASSERT_TRUE(converted.ok());
  EXPECT_EQ(converted->size(), 5u);
  const std::string attention = "text_model.encoder.layers.0.self_attn.";
  EXPECT_EQ(converted->at(attention + "q_proj.weight").tensor[0][1].item<float>(), 1);
  EXPECT_EQ(converted->at(attention + "k_proj.weight").tensor[0][0].item<float>(), 4);
  EXPECT_EQ(converted->at(attention + "v_proj.weight").tensor[1][1].item<float>(), 11);
  EXPECT_EQ(converted->at("text_projection.weight").tensor[0][1].item<float>(), 2);
}

// Complete files are told by their projection or by OpenCLIP-H's 24 layers; what comes back from
// diffusers has 23 layers, all of them in use.
TEST(OpenClip, LeavesTheLastLayerOutForTheSecondGeneration) {
  const auto layers = [](int stored, bool projection) {
    const auto converted = ConvertOpenClip(OpenClip(stored, projection), OpenClipUse::kPenultimate);
    EXPECT_EQ(converted->count("text_projection.weight"), 0u);
    return converted->size() / 4;  // three projections and a norm
  };
  EXPECT_EQ(layers(24, true), 23u);
  EXPECT_EQ(layers(24, false), 23u);
  EXPECT_EQ(layers(23, false), 23u);
  EXPECT_EQ(layers(3, true), 2u);
  EXPECT_EQ(layers(3, false), 3u);
}

TEST(OpenClip, KeepsTransformersNames) {
  WeightMap weights;
  for (int i = 0; i < 2; ++i) {
    weights[absl::StrCat("text_model.encoder.layers.", i, ".layer_norm1.weight")] = {at::ones({2}),
                                                                                     nullptr};
  }
  weights["text_model.embeddings.position_ids"] = {at::arange(2), nullptr};
  weights["text_model.text_projection"] = {at::arange(4, at::kFloat).reshape({2, 2}), nullptr};
  const auto projected = ConvertOpenClip(weights, OpenClipUse::kProjected);
  ASSERT_TRUE(projected.ok());
  EXPECT_EQ(projected->size(), 3u);
  EXPECT_EQ(projected->at("text_projection.weight").tensor[0][1].item<float>(), 2);
  const auto penultimate = ConvertOpenClip(weights, OpenClipUse::kPenultimate);
  ASSERT_TRUE(penultimate.ok());
  EXPECT_EQ(penultimate->size(), 1u);
  EXPECT_EQ(penultimate->count("text_model.encoder.layers.0.layer_norm1.weight"), 1u);
}

TEST(OpenClip, RefusesAJointProjectionThatCannotBeSplit) {
  WeightMap weights;
  weights["transformer.resblocks.0.attn.in_proj_bias"] = {at::ones({7}), nullptr};
  EXPECT_FALSE(ConvertOpenClip(weights, OpenClipUse::kProjected).ok());
}

}  // namespace
}  // namespace patchbay
