#include "plugins/llava/src/llava_config.h"

#include <patchbay/error.h>

#include <nlohmann/json.hpp>

namespace llava {
namespace {

using nlohmann::json;

// Above these no model is known; they bound the memory that one text can take.
constexpr int64_t kWidest = 16384;
constexpr int64_t kMostFeedForward = 131072;
constexpr int64_t kMostLayers = 200;
constexpr int64_t kLargestVocabulary = 1 << 20;
constexpr int64_t kMostPositions = 1 << 20;

class ConfigReader {
 public:
  ConfigReader(const json& values, const std::string& name) : values_(values), name_(name) {}

  [[noreturn]] void Refuse(const std::string& reason) const {
    throw patchbay::Error(name_ + ": " + reason);
  }

  const json& At(const char* key) const {
    static const json none;
    const auto found = values_.find(key);
    return found == values_.end() ? none : *found;
  }

  int64_t Whole(const char* key, int64_t otherwise, int64_t most, int64_t least = 1) const {
    const json& value = At(key);
    if (value.is_null()) return otherwise;
    if (!value.is_number_integer() || value.get<int64_t>() < least || value.get<int64_t>() > most) {
      Refuse(std::string(key) + " is " + value.dump().substr(0, 80) +
             "; it has to be a number from " + std::to_string(least) + " to " +
             std::to_string(most));
    }
    return value.get<int64_t>();
  }

  double Positive(const char* key, double otherwise) const {
    const json& value = At(key);
    if (value.is_null()) return otherwise;
    if (!value.is_number() || !(value.get<double>() > 0)) {
      Refuse(std::string(key) + " is no positive number");
    }
    return value.get<double>();
  }

  // Where something is said, it has to be this.
  void Require(const char* key, const json& wanted) const {
    const json& value = At(key);
    if (value.is_null() || value == wanted) return;
    Refuse(std::string(key) + " is " + value.dump().substr(0, 80) + "; " + wanted.dump() +
           " is known here");
  }

 private:
  const json& values_;
  const std::string& name_;
};

void ReadRotation(const json& values, const std::string& name, LlamaConfig& config) {
  const ConfigReader reader(values, name);
  config.rope_base = reader.Positive("rope_theta", config.rope_base);
  if (!reader.At("rope_scaling").is_null()) {
    reader.Refuse("rope_scaling stretches the positions, which is not known here");
  }
  const json& newer = reader.At("rope_parameters");
  if (!newer.is_object()) return;
  const ConfigReader inner(newer, name);
  inner.Require("rope_type", "default");
  config.rope_base = inner.Positive("rope_theta", config.rope_base);
}

// What is not said is that of LLaMA 7B.
LlamaConfig ReadLanguage(const json& values, const std::string& name) {
  const ConfigReader reader(values, name);
  LlamaConfig config;
  config.width = reader.Whole("hidden_size", 4096, kWidest);
  config.feed_forward = reader.Whole("intermediate_size", 11008, kMostFeedForward);
  config.layers = reader.Whole("num_hidden_layers", 32, kMostLayers);
  config.heads = reader.Whole("num_attention_heads", 32, kWidest);
  config.key_heads = reader.Whole("num_key_value_heads", config.heads, config.heads);
  if (config.width % config.heads != 0 && reader.At("head_dim").is_null()) {
    reader.Refuse("num_attention_heads does not divide hidden_size");
  }
  config.head_width = reader.Whole("head_dim", config.width / config.heads, kWidest);
  if (config.heads % config.key_heads != 0 || config.head_width % 2 != 0 ||
      config.heads * config.head_width > kWidest) {
    reader.Refuse("its " + std::to_string(config.heads) + " heads of " +
                  std::to_string(config.head_width) + " numbers and " +
                  std::to_string(config.key_heads) + " of keys do not go together");
  }
  config.vocabulary = reader.Whole("vocab_size", 32000, kLargestVocabulary);
  config.positions = reader.Whole("max_position_embeddings", 2048, kMostPositions);
  config.begin = reader.Whole("bos_token_id", 1, config.vocabulary - 1, 0);
  config.norm_epsilon = reader.Positive("rms_norm_eps", 1e-6);
  reader.Require("hidden_act", "silu");
  reader.Require("attention_bias", false);
  reader.Require("mlp_bias", false);
  ReadRotation(values, name, config);
  return config;
}

void CheckTransformers(const ConfigReader& reader) {
  reader.Require("vision_feature_layer", -2);
  reader.Require("vision_feature_select_strategy", "default");
  reader.Require("projector_hidden_act", "gelu");
  reader.Require("multimodal_projector_bias", true);
  const json& text = reader.At("text_config");
  const json& kind = text.is_object() && text.contains("model_type") ? text["model_type"] : json();
  if (!text.is_object() || (!kind.is_null() && kind != "llama")) {
    reader.Refuse("text_config is that of " +
                  (kind.is_null() ? "nothing" : kind.dump().substr(0, 80)) +
                  "; only a LLaMA is known here");
  }
}

void CheckOriginal(const ConfigReader& reader) {
  reader.Require("mm_vision_select_layer", -2);
  reader.Require("mm_vision_select_feature", "patch");
  reader.Require("mm_projector_type", "mlp2x_gelu");
}

}  // namespace

LlavaConfig ReadLlavaConfig(const std::string& text, const std::string& name) {
  const json values = json::parse(text, nullptr, /*allow_exceptions=*/false);
  const ConfigReader reader(values, name);
  if (!values.is_object()) reader.Refuse("it is no JSON object");
  LlavaConfig config;
  config.json = text;
  if (!reader.At("text_config").is_null() && reader.At("model_type") == "llava") {
    CheckTransformers(reader);
    config.language = ReadLanguage(values["text_config"], name);
    return config;
  }
  if (reader.At("mm_projector_type").is_null()) {
    reader.Refuse("it is not that of a LLaVA 1.5, but of " +
                  (reader.At("model_type").is_string()
                       ? reader.At("model_type").dump().substr(0, 80)
                       : std::string("something without a model_type")) +
                  "; take the config.json of a model as llava-hf/llava-1.5-7b-hf or of MoMA's own");
  }
  CheckOriginal(reader);
  config.layout = Layout::kOriginal;
  config.language = ReadLanguage(values, name);
  return config;
}

}  // namespace llava
