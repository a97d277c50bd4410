#include "plugins/clip_vision/src/vision_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "plugins/testing/refusal.h"

// Agreement with transformers is tested in tests/parity/plugins/test_clip_vision.py.
namespace clip_vision {
namespace {

using ::testing::HasSubstr;

std::map<std::string, at::Tensor> RandomEncoder(int64_t width, int64_t patch, int64_t grid,
                                                int64_t layers, int64_t projection) {
  std::map<std::string, at::Tensor> tensors;
  const auto add = [&](const std::string& name, at::IntArrayRef shape) {
    tensors[name] = 0.2 * at::randn(shape);
  };
  const auto add_both = [&](const std::string& name, at::IntArrayRef shape) {
    add(name + ".weight", shape);
    add(name + ".bias", shape.slice(0, 1));
  };
  const std::string prefix = "vision_model.";
  add(prefix + "embeddings.class_embedding", {width});
  add(prefix + "embeddings.patch_embedding.weight", {width, 3, patch, patch});
  add(prefix + "embeddings.position_embedding.weight", {grid * grid + 1, width});
  add_both(prefix + "pre_layrnorm", {width});
  add_both(prefix + "post_layernorm", {width});
  for (int64_t i = 0; i < layers; ++i) {
    const std::string layer = prefix + "encoder.layers." + std::to_string(i) + ".";
    for (const char* name : {"q_proj", "k_proj", "v_proj", "out_proj"}) {
      add_both(layer + "self_attn." + name, {width, width});
    }
    add_both(layer + "layer_norm1", {width});
    add_both(layer + "layer_norm2", {width});
    add_both(layer + "mlp.fc1", {2 * width, width});
    add_both(layer + "mlp.fc2", {width, 2 * width});
  }
  if (projection > 0) add("visual_projection.weight", {projection, width});
  return tensors;
}

VisionEncoder Encoder(const std::map<std::string, at::Tensor>& tensors) {
  Weights weights("file", tensors);
  VisionConfig config = ReadVisionConfig(weights);
  return {std::move(weights), config};
}

TEST(VisionEncoderTest, GivesEmbeddingsAndStates) {
  at::manual_seed(1);
  const VisionEncoder encoder = Encoder(RandomEncoder(64, 4, 3, 3, 24));
  const at::Tensor pictures = at::randn({2, 3, 12, 12});
  const at::Tensor embeds = encoder.ImageEmbeds(pictures);
  EXPECT_EQ(embeds.sizes(), (at::IntArrayRef{2, 24}));
  EXPECT_EQ(encoder.PenultimateStates(pictures).sizes(), (at::IntArrayRef{2, 10, 64}));
  // Each picture alone gives the same.
  EXPECT_TRUE(
      at::allclose(encoder.ImageEmbeds(pictures.slice(0, 1)), embeds.slice(0, 1), 1e-4, 1e-5));
  EXPECT_FALSE(at::allclose(embeds[0], embeds[1], 1e-2, 1e-2));
}

TEST(VisionEncoderTest, TheLastLayerIsLeftOutOfTheStates) {
  at::manual_seed(1);
  auto tensors = RandomEncoder(64, 4, 2, 2, 8);
  const at::Tensor pictures = at::randn({1, 3, 8, 8});
  const at::Tensor states = Encoder(tensors).PenultimateStates(pictures);
  const at::Tensor embeds = Encoder(tensors).ImageEmbeds(pictures);
  tensors["vision_model.encoder.layers.1.mlp.fc2.bias"] += 1 + at::arange(64);
  EXPECT_TRUE(at::equal(Encoder(tensors).PenultimateStates(pictures), states));
  EXPECT_FALSE(at::allclose(Encoder(tensors).ImageEmbeds(pictures), embeds));
}

TEST(VisionEncoderTest, SaysWhatIsMissing) {
  const at::Tensor pictures = at::zeros({1, 3, 8, 8});
  const auto refusal = [&](const std::map<std::string, at::Tensor>& tensors) -> std::string {
    return patchbay::Refusal([&] { Encoder(tensors).ImageEmbeds(pictures); });
  };
  EXPECT_THAT(refusal(RandomEncoder(64, 4, 2, 2, 0)), HasSubstr("visual_projection.weight"));
  auto tensors = RandomEncoder(64, 4, 2, 2, 8);
  tensors["vision_model.encoder.layers.1.self_attn.k_proj.weight"] = at::zeros({64, 63});
  EXPECT_THAT(refusal(tensors), HasSubstr("layers.1.self_attn.k_proj.weight\" is 64x63"));
  tensors.erase("vision_model.post_layernorm.bias");
  tensors["vision_model.encoder.layers.1.self_attn.k_proj.weight"] = at::zeros({64, 64});
  EXPECT_THAT(refusal(tensors), HasSubstr("no tensor \"vision_model.post_layernorm.bias\""));
}

}  // namespace
}  // namespace clip_vision
