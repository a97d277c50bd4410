#include "plugins/moma/src/embedding.h"

#include <patchbay/aten.h>

#include <map>
#include <utility>

namespace moma {
namespace {

using clip_vision::ShapeText;
using clip_vision::Weights;

constexpr char kEncoder[] = "moma.image_encoder.";

[[noreturn]] void RefuseShape(const Weights& file, const std::vector<int64_t>& shape,
                              const Adapter& adapter) {
  const std::string state =
      adapter.state_width() == 0 ? "" : ShapeText({adapter.state_width()}) + " (a state), ";
  throw patchbay::Error("tokens: " + file.name() + ": \"" + kEmbedding + "\" is " +
                        ShapeText(shape) + ", and with this adapter it has to be " + state +
                        ShapeText({adapter.embedding_width()}) + " (an embedding) or " +
                        ShapeText({adapter.token_count(), adapter.token_width()}) +
                        " (the tokens)" +
                        (adapter.state_width() == 0
                             ? "; a language model's state needs an adapter with moma.llm_mapping"
                             : ""));
}

}  // namespace

at::Tensor TokensFromFile(const Weights& file, const Adapter& adapter) {
  if (!file.Has(kEmbedding)) {
    throw patchbay::Error("tokens: " + file.name() + " has no tensor \"" + kEmbedding +
                          "\"; the README of the plugin moma says how such a file is made");
  }
  const std::vector<int64_t> shape = file.Shape(kEmbedding);
  const bool is_tokens =
      shape == std::vector<int64_t>{adapter.token_count(), adapter.token_width()};
  const bool is_embedding = shape == std::vector<int64_t>{adapter.embedding_width()};
  const bool is_state =
      adapter.state_width() > 0 && shape == std::vector<int64_t>{adapter.state_width()};
  if (!is_tokens && !is_embedding && !is_state) RefuseShape(file, shape, adapter);
  const at::Tensor given = file.Read(kEmbedding, shape);
  if (!given.isfinite().all().item<bool>()) {
    throw patchbay::Error("tokens: " + file.name() + ": \"" + kEmbedding +
                          "\" has numbers that are not finite");
  }
  if (is_tokens) return given;
  return adapter.TokensOf(is_embedding ? given : adapter.EmbeddingOf(given));
}

clip_vision::VisionEncoder EncoderOf(const Adapter& adapter, const std::string& config_json) {
  const std::string prefix = kEncoder;
  std::map<std::string, at::Tensor> tensors;
  for (const std::string& name : adapter.weights().names()) {
    if (name.rfind(prefix, 0) != 0) continue;
    tensors[name.substr(prefix.size())] =
        adapter.weights().Read(name, adapter.weights().Shape(name));
  }
  Weights weights("adapter: " + adapter.weights().name() + ", moma.image_encoder",
                  std::move(tensors));
  clip_vision::VisionConfig config = clip_vision::ReadVisionConfig(weights);
  if (!config_json.empty()) {
    clip_vision::ApplyConfigJson(config_json, weights.name() + ".config", config);
  } else if (config.width % config.heads != 0) {
    throw patchbay::Error(weights.name() + ": no encoder of this width, " +
                          std::to_string(config.width) +
                          ", is known; the metadata needs moma.image_encoder.config");
  }
  if (config.projection != adapter.embedding_width()) {
    throw patchbay::Error(weights.name() + " gives embeddings of " +
                          std::to_string(config.projection) +
                          " numbers, and the adapter's image projection takes " +
                          std::to_string(adapter.embedding_width()));
  }
  return {std::move(weights), std::move(config)};
}

}  // namespace moma
