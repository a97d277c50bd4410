#include "plugins/clip_vision/src/vision_encoder.h"

#include <patchbay/aten.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace clip_vision {
namespace {

constexpr std::streamsize kLargestConfig = 1 << 20;

}  // namespace

at::Tensor VisionEncoder::Linear(const std::string& name, int64_t out,
                                 const at::Tensor& input) const {
  return at::linear(input, weights_.Read(name + ".weight", {out, input.size(-1)}),
                    weights_.Read(name + ".bias", {out}));
}

at::Tensor VisionEncoder::Norm(const std::string& name, const at::Tensor& states) const {
  return at::layer_norm(states, {config_.width}, weights_.Read(name + ".weight", {config_.width}),
                        weights_.Read(name + ".bias", {config_.width}), config_.norm_epsilon);
}

at::Tensor VisionEncoder::Embeddings(const at::Tensor& pictures) const {
  const std::string names = config_.prefix + "embeddings.";
  const at::Tensor patches =
      at::conv2d(pictures,
                 weights_.Read(names + "patch_embedding.weight",
                               {config_.width, 3, config_.patch, config_.patch}),
                 /*bias=*/{}, {config_.patch, config_.patch});
  const at::Tensor first = weights_.Read(names + "class_embedding", {config_.width})
                               .expand({pictures.size(0), 1, config_.width});
  const at::Tensor tokens = at::cat({first, patches.flatten(2).transpose(1, 2)}, 1);
  const at::Tensor positions =
      weights_.Read(names + "position_embedding.weight", {config_.tokens(), config_.width});
  // transformers spells it so.
  return Norm(config_.prefix + "pre_layrnorm", tokens + positions);
}

at::Tensor VisionEncoder::SelfAttention(const std::string& layer, const at::Tensor& states) const {
  const auto project = [&](const char* name) {
    const at::Tensor projected = Linear(layer + ".self_attn." + name, config_.width, states);
    return projected.view({states.size(0), -1, config_.heads, config_.width / config_.heads})
        .transpose(1, 2);
  };
  const at::Tensor attended =
      at::scaled_dot_product_attention(project("q_proj"), project("k_proj"), project("v_proj"));
  return Linear(layer + ".self_attn.out_proj", config_.width,
                attended.transpose(1, 2).reshape(states.sizes()));
}

at::Tensor VisionEncoder::FeedForward(const std::string& layer, const at::Tensor& states) const {
  const at::Tensor inner = Linear(layer + ".mlp.fc1", config_.feed_forward, states);
  const at::Tensor active = config_.activation == Activation::kGelu
                                ? at::gelu(inner)
                                : inner * at::sigmoid(1.702 * inner);
  return Linear(layer + ".mlp.fc2", config_.width, active);
}

at::Tensor VisionEncoder::Layers(at::Tensor states, int64_t count) const {
  for (int64_t i = 0; i < count; ++i) {
    const std::string layer = config_.prefix + "encoder.layers." + std::to_string(i);
    states = states + SelfAttention(layer, Norm(layer + ".layer_norm1", states));
    states = states + FeedForward(layer, Norm(layer + ".layer_norm2", states));
  }
  return states;
}

at::Tensor VisionEncoder::ImageEmbeds(const at::Tensor& pictures) const {
  if (config_.projection == 0) {
    throw patchbay::Error(weights_.name() +
                          " has no tensor \"visual_projection.weight\", without which it gives no "
                          "picture's embedding; take the encoder that comes with the adapter");
  }
  const at::Tensor states = Layers(Embeddings(pictures), config_.layers);
  const at::Tensor pooled = Norm(config_.prefix + "post_layernorm", states.select(1, 0));
  return at::linear(pooled,
                    weights_.Read("visual_projection.weight", {config_.projection, config_.width}));
}

at::Tensor VisionEncoder::PenultimateStates(const at::Tensor& pictures) const {
  return Layers(Embeddings(pictures), config_.layers - 1);
}

VisionEncoder OpenVisionEncoder(const patchbay::TensorFile& file) {
  Weights weights(file);
  VisionConfig config = ReadVisionConfig(weights);
  const std::filesystem::path beside =
      std::filesystem::path(file.path()).parent_path() / "config.json";
  if (std::error_code failed; std::filesystem::is_regular_file(beside, failed)) {
    std::ifstream stream(beside, std::ios::binary);
    std::string json(kLargestConfig, '\0');
    stream.read(json.data(), kLargestConfig);
    json.resize(static_cast<size_t>(stream.gcount()));
    ApplyConfigJson(json, beside.string(), config);
  } else if (config.width % config.heads != 0) {
    throw patchbay::Error(weights.name() + ": no encoder of this width, " +
                          std::to_string(config.width) +
                          ", is known; put its config.json beside it");
  }
  return {std::move(weights), std::move(config)};
}

}  // namespace clip_vision
