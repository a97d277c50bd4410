#include "host/runtime/text_encoder/clip_text_encoder.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

constexpr char kLevel[] = "text_model.";
constexpr char kProjection[] = "text_projection.";

// Tables and scalars that exporters leave in the file and that nothing reads.
bool IsKnownExtra(std::string_view name) {
  return name.ends_with("position_ids") || name.ends_with("logit_scale");
}

}  // namespace

WeightMap WithTextModelLevel(WeightMap weights) {
  if (weights.count("embeddings.token_embedding.weight") == 0) return weights;
  WeightMap renamed;
  for (auto& [name, weight] : weights) {
    const bool outside = name.starts_with(kProjection) || name.starts_with(kLevel);
    renamed.emplace(outside ? name : absl::StrCat(kLevel, name), std::move(weight));
  }
  return renamed;
}

ClipTextEncoder::ClipTextEncoder(const TextEncoderConfig& config, const std::string& component)
    : config_(config), sites_(component) {}

absl::StatusOr<std::unique_ptr<const ClipTextEncoder>> ClipTextEncoder::Create(
    const TextEncoderConfig& config, WeightReader& weights, const std::string& component) {
  weights.AllowUnread(&IsKnownExtra);
  std::unique_ptr<ClipTextEncoder> encoder(new ClipTextEncoder(config, component));
  encoder->Build(weights);
  PATCHBAY_RETURN_IF_ERROR(weights.Finish());
  if (encoder->layers_.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("the ", component, " has no layers"));
  }
  if (config.heads <= 0 || encoder->width() % config.heads != 0) {
    return absl::InvalidArgumentError(absl::StrCat("the ", component, " is ", encoder->width(),
                                                   " wide, which ", config.heads,
                                                   " heads do not divide"));
  }
  return encoder;
}

void ClipTextEncoder::Build(WeightReader& weights) {
  const ModuleScope root(weights, sites_);
  const ModuleScope model = root.Child("text_model");
  token_embedding_ = model.Read("embeddings.token_embedding.weight", {-1, -1});
  const int64_t width = token_embedding_.size(1);
  position_embedding_ = model.Read("embeddings.position_embedding.weight", {-1, width});
  const ModuleScope encoder = model.Child("encoder");
  const int64_t layers = encoder.CountChildren("layers");
  layers_.reserve(static_cast<size_t>(layers));
  for (int64_t i = 0; i < layers; ++i) {
    layers_.emplace_back(encoder.Child("layers", i), width, config_);
  }
  final_layer_norm_ =
      std::make_unique<LayerNorm>(model.Child("final_layer_norm"), width, config_.layer_norm_eps);
  const ModuleScope projection = root.Child("text_projection");
  if (projection.Has("weight")) {
    projection_ = std::make_unique<Linear>(projection, width, -1, Linear::Bias::kNone);
  }
}

int64_t ClipTextEncoder::pooled_width() const {
  return projection_ == nullptr ? width() : projection_->out_features();
}

at::Tensor ClipTextEncoder::EmbedTokens(const at::Tensor& ids) const {
  return at::embedding(token_embedding_, ids.to(device()));
}

TextEncoderOutput ClipTextEncoder::Forward(const at::Tensor& token_embeddings,
                                           const at::Tensor& end_positions,
                                           const OperatorCall& operators) const {
  TextEncoderOutput output;
  output.hidden_states.reserve(layers_.size() + 1);
  const int64_t length = token_embeddings.size(1);
  output.hidden_states.push_back(token_embeddings + position_embedding_.narrow(0, 0, length));
  for (const ClipLayer& layer : layers_) {
    output.hidden_states.push_back(layer.Forward(output.hidden_states.back(), operators));
  }
  output.last = FinalLayerNorm(output.hidden_states.back());
  const at::Tensor rows =
      end_positions.to(device()).view({-1, 1, 1}).expand({-1, 1, output.last.size(2)});
  output.pooled = output.last.gather(1, rows).squeeze(1);
  if (projection_ != nullptr) output.pooled = projection_->Forward(output.pooled, operators);
  return output;
}

}  // namespace patchbay
