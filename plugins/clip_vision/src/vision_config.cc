#include "plugins/clip_vision/src/vision_config.h"

#include <patchbay/aten.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace clip_vision {
namespace {

// A picture's side and its patches, above which no encoder is known; they bound the memory that one
// picture can take.
constexpr int64_t kLargestPicture = 1024;
constexpr int64_t kLargestGrid = 64;
constexpr int64_t kMostLayers = 200;
// OpenAI's widest encoder, ViT-L/14.
constexpr int64_t kWidestOpenAi = 1024;
constexpr int64_t kOpenAiHeadWidth = 64;
constexpr int64_t kLaionHeads = 16;

[[noreturn]] void Refuse(const std::string& name, const std::string& reason) {
  throw patchbay::Error(name + ": " + reason);
}

std::string PrefixOf(const Weights& weights) {
  for (const char* prefix : {"vision_model.", ""}) {
    if (weights.Has(prefix + std::string("embeddings.class_embedding"))) return prefix;
  }
  Refuse(
      weights.name(),
      "there is no tensor \"vision_model.embeddings.class_embedding\", so this is no CLIP vision "
      "encoder as transformers stores it; IP-Adapter's are in the folders image_encoder of "
      "h94/IP-Adapter");
}

int64_t CountLayers(const Weights& weights, const std::string& prefix) {
  int64_t layers = 0;
  while (layers <= kMostLayers &&
         weights.Has(prefix + "encoder.layers." + std::to_string(layers) + ".layer_norm1.weight")) {
    ++layers;
  }
  if (layers < 1 || layers > kMostLayers) {
    Refuse(weights.name(), "it has " + std::to_string(layers) + " transformer layers; 1 to " +
                               std::to_string(kMostLayers) + " are possible");
  }
  return layers;
}

}  // namespace

VisionConfig ReadVisionConfig(const Weights& weights) {
  VisionConfig config;
  config.prefix = PrefixOf(weights);
  const std::string embeddings = config.prefix + "embeddings.";
  config.width = weights.Side(embeddings + "class_embedding", 0);
  if (config.width < 1) Refuse(weights.name(), "its embeddings are empty");
  config.patch = weights.Side(embeddings + "patch_embedding.weight", 2);
  const int64_t positions = weights.Side(embeddings + "position_embedding.weight", 0);
  config.grid = std::llround(std::sqrt(static_cast<double>(positions - 1)));
  if (config.patch < 1 || config.patch > kLargestPicture || config.grid < 1 ||
      config.grid > kLargestGrid || config.tokens() != positions ||
      config.picture_size() > kLargestPicture) {
    Refuse(weights.name(), "its " + std::to_string(positions) + " positions and patches of " +
                               std::to_string(config.patch) +
                               " pixels are not those of square pictures of up to " +
                               std::to_string(kLargestPicture) + " pixels");
  }
  config.layers = CountLayers(weights, config.prefix);
  config.feed_forward = weights.Side(config.prefix + "encoder.layers.0.mlp.fc1.weight", 0);
  if (weights.Has("visual_projection.weight")) {
    config.projection = weights.Side("visual_projection.weight", 0);
  }
  const bool is_openai = config.width <= kWidestOpenAi;
  config.heads = is_openai ? std::max<int64_t>(1, config.width / kOpenAiHeadWidth) : kLaionHeads;
  config.activation = is_openai ? Activation::kQuickGelu : Activation::kGelu;
  return config;
}

void ApplyConfigJson(const std::string& json, const std::string& name, VisionConfig& config) {
  nlohmann::json values = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (values.is_object() && values.contains("vision_config")) values = values["vision_config"];
  if (!values.is_object()) Refuse(name, "it is no JSON object");
  const auto whole = [&](const char* entry, int64_t otherwise) {
    const auto found = values.find(entry);
    if (found == values.end() || found->is_null()) return otherwise;
    if (!found->is_number_integer()) Refuse(name, std::string(entry) + " is no whole number");
    return found->get<int64_t>();
  };
  if (whole("hidden_size", config.width) != config.width) {
    Refuse(name, "hidden_size is " + std::to_string(whole("hidden_size", 0)) +
                     ", and the encoder beside it has " + std::to_string(config.width) +
                     "; it belongs to another one");
  }
  const int64_t heads = whole("num_attention_heads", config.heads);
  if (heads < 1 || config.width % heads != 0) {
    Refuse(name, "num_attention_heads, " + std::to_string(heads) +
                     ", does not divide the width of " + std::to_string(config.width));
  }
  config.heads = heads;
  if (const auto found = values.find("layer_norm_eps"); found != values.end()) {
    if (!found->is_number() || !(found->get<double>() > 0 && found->get<double>() < 1)) {
      Refuse(name, "layer_norm_eps is no small positive number");
    }
    config.norm_epsilon = found->get<double>();
  }
  if (const auto found = values.find("hidden_act"); found != values.end()) {
    const bool is_quick = *found == "quick_gelu";
    if (!is_quick && *found != "gelu") {
      Refuse(name, "hidden_act is " + found->dump().substr(0, 80) +
                       "; \"gelu\" and \"quick_gelu\" are known");
    }
    config.activation = is_quick ? Activation::kQuickGelu : Activation::kGelu;
  }
}

}  // namespace clip_vision
