#include "plugins/ip-adapter/src/adapter.h"

#include <patchbay/aten.h>

#include <algorithm>
#include <set>

namespace ip_adapter {
namespace {

using clip_vision::ShapeText;
using clip_vision::Weights;

constexpr char kAttentions[] = "ip_adapter.";
constexpr char kKeys[] = ".to_k_ip.weight";
constexpr char kValues[] = ".to_v_ip.weight";

// The number under which the file has the cross-attention at this place: even ones stand for
// self-attentions, which have no weights.
std::string Numbered(size_t place, const char* what) {
  return kAttentions + std::to_string(2 * place + 1) + what;
}

[[noreturn]] void Refuse(const Weights& weights, const std::string& reason) {
  throw patchbay::Error("adapter: " + weights.name() + " " + reason);
}

bool HasAny(const Weights& weights, const std::string& part) {
  return std::any_of(weights.names().begin(), weights.names().end(),
                     [&](const std::string& name) { return name.find(part) != std::string::npos; });
}

// Whether the tokens are made of a face's identity: with LoRAs (FaceID), with the encoder's states
// beside it (FaceID Plus), or by two linear layers and a norm (the portrait ones, without LoRAs).
bool IsFaceId(const Weights& weights) {
  return HasAny(weights, "_lora.") || HasAny(weights, "perceiver_resampler.") ||
         (weights.Has("image_proj.proj.2.weight") && weights.Has("image_proj.norm.weight"));
}

Projection Recognise(const Weights& weights) {
  if (!HasAny(weights, "image_proj.") || !HasAny(weights, kAttentions)) {
    Refuse(weights,
           "is no IP-Adapter: it has no tensors under image_proj. and ip_adapter.; take one of "
           "h94/IP-Adapter's .safetensors files");
  }
  if (IsFaceId(weights)) {
    Refuse(weights,
           "is an IP-Adapter FaceID, which needs a face recognition network; none is here; take an "
           "IP-Adapter, Plus, plus-face or full-face adapter");
  }
  if (weights.Has("image_proj.proj.weight")) return Projection::kPlain;
  if (weights.Has("image_proj.latents")) return Projection::kPlus;
  if (weights.Has("image_proj.proj.3.weight")) return Projection::kFull;
  Refuse(weights,
         "has an image projection of no known kind: there is none of the tensors "
         "\"image_proj.proj.weight\" (IP-Adapter), \"image_proj.latents\" (Plus) and "
         "\"image_proj.proj.3.weight\" (full face)");
}

void CheckShape(const Weights& weights, const std::string& tensor,
                const std::vector<int64_t>& needed, const CrossAttention& attention) {
  const std::vector<int64_t>& shape = weights.Shape(tensor);
  if (shape == needed) return;
  Refuse(weights, "does not fit: \"" + tensor + "\" is " + ShapeText(shape) + ", and " +
                      attention.name + " needs " + ShapeText(needed) +
                      "; the adapter is for another model, or its tensors' names are mixed up");
}

}  // namespace

Adapter::Adapter(Weights weights) : weights_(std::move(weights)), projection_(Recognise(weights_)) {
  switch (projection_) {
    case Projection::kPlain:
      token_width_ = weights_.Side("image_proj.norm.weight", 0);
      input_width_ = weights_.Side("image_proj.proj.weight", 1);
      break;
    case Projection::kPlus:
      token_width_ = weights_.Side("image_proj.norm_out.weight", 0);
      input_width_ = weights_.Side("image_proj.proj_in.weight", 1);
      break;
    case Projection::kFull:
      token_width_ = weights_.Side("image_proj.proj.3.weight", 0);
      input_width_ = weights_.Side("image_proj.proj.0.weight", 1);
      break;
  }
  if (token_width_ < 1 || input_width_ < 1) {
    Refuse(weights_, "has an image projection without any numbers");
  }
}

// Whether the file has keys and values for so many cross-attentions, and for no others.
void Adapter::CheckPlaces(size_t count) const {
  std::set<std::string> expected;
  std::string missing;
  for (size_t place = 0; place < count; ++place) {
    for (const char* const what : {kKeys, kValues}) {
      const std::string tensor = Numbered(place, what);
      expected.insert(tensor);
      if (missing.empty() && !weights_.Has(tensor)) missing = tensor;
    }
  }
  size_t found = 0;
  std::string other;
  for (const std::string& name : weights_.names()) {
    if (name.rfind(kAttentions, 0) != 0) continue;
    if (expected.contains(name)) {
      ++found;
    } else {
      other = name;
    }
  }
  // More than half are there: one is missing, rather than all made for something else.
  if (!missing.empty() && other.empty() && found > count) {
    Refuse(weights_, "has no tensor \"" + missing + "\"; it is damaged or incomplete");
  }
  if (missing.empty() && other.empty()) return;
  Refuse(weights_, "is for a network of another structure: this model has " +
                       std::to_string(count) + " cross-attentions, for which \"" +
                       (missing.empty() ? other + "\" is too much" : missing + "\" is missing") +
                       " (Stable Diffusion 1.5 has 16, SDXL 70)");
}

void Adapter::CheckFits(int64_t text_features,
                        const std::vector<CrossAttention>& attentions) const {
  if (token_width_ != text_features) {
    Refuse(weights_, "is for a model whose text has " + std::to_string(token_width_) +
                         " features, and this model's has " + std::to_string(text_features) +
                         " (Stable Diffusion 1.5: 768, SDXL: 2048); take the adapter for this "
                         "model");
  }
  CheckPlaces(attentions.size());
  for (size_t place = 0; place < attentions.size(); ++place) {
    for (const char* const what : {kKeys, kValues}) {
      CheckShape(weights_, Numbered(place, what), {attentions[place].channels, token_width_},
                 attentions[place]);
    }
  }
}

std::pair<at::Tensor, at::Tensor> Adapter::KeysAndValues(size_t place,
                                                         const CrossAttention& attention,
                                                         const at::Tensor& tokens) const {
  const auto project = [&](const char* what) {
    return at::linear(tokens,
                      weights_.Read(Numbered(place, what), {attention.channels, token_width_}));
  };
  return {project(kKeys), project(kValues)};
}

}  // namespace ip_adapter
