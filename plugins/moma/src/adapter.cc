#include "plugins/moma/src/adapter.h"

#include <patchbay/aten.h>

#include <algorithm>
#include <set>

namespace moma {
namespace {

using clip_vision::ShapeText;
using clip_vision::Weights;

constexpr char kProjectionWeight[] = "moma.image_proj.proj.weight";
constexpr char kProjectionBias[] = "moma.image_proj.proj.bias";
constexpr char kNormWeight[] = "moma.image_proj.norm.weight";
constexpr char kNormBias[] = "moma.image_proj.norm.bias";
constexpr char kGate[] = "moma.llm_mapping.gate_proj.weight";
constexpr char kUp[] = "moma.llm_mapping.up_proj.weight";
constexpr char kDown[] = "moma.llm_mapping.down_proj.weight";
constexpr char kAttentions[] = "moma.attn.";
constexpr char kMapping[] = "moma.llm_mapping.";
constexpr char kEncoder[] = "moma.image_encoder.";
constexpr double kNormEpsilon = 1e-5;
// The authors' has 4; a slip in a file must not take all memory.
constexpr int64_t kMostTokens = 256;

std::string Self(size_t place, const char* what) {
  return kAttentions + std::to_string(2 * place) + what;
}
std::string Cross(size_t place, const char* what) {
  return kAttentions + std::to_string(2 * place + 1) + what;
}
constexpr char kKeys[] = ".to_k_ip.weight";
constexpr char kValues[] = ".to_v_ip.weight";
constexpr char kScale[] = ".scale";

[[noreturn]] void Refuse(const Weights& weights, const std::string& reason) {
  throw patchbay::Error("adapter: " + weights.name() + " " + reason);
}

void CheckShape(const Weights& weights, const std::string& tensor,
                const std::vector<int64_t>& needed, const std::string& who) {
  const std::vector<int64_t>& shape = weights.Shape(tensor);
  if (shape == needed) return;
  Refuse(weights, "does not fit: \"" + tensor + "\" is " + ShapeText(shape) + ", and " + who +
                      " needs " + ShapeText(needed) +
                      "; the adapter is for another model, or its tensors' names are mixed up");
}

bool HasAny(const Weights& weights, const std::string& start) {
  return std::any_of(weights.names().begin(), weights.names().end(),
                     [&](const std::string& name) { return name.rfind(start, 0) == 0; });
}

void CheckIsMoma(const Weights& weights) {
  if (HasAny(weights, "moma.")) return;
  const bool is_ip_adapter = HasAny(weights, "ip_adapter.");
  Refuse(weights, is_ip_adapter
                      ? "is an IP-Adapter; use it with the plugin ip-adapter"
                      : "is no MoMA adapter: it has no tensors under moma.; make one of the "
                        "authors' file by `patchbay convert attn_adapters_projectors.th`");
}

}  // namespace

Adapter::Adapter(Weights weights) : weights_(std::move(weights)) {
  CheckIsMoma(weights_);
  token_width_ = weights_.Side(kNormWeight, 0);
  const int64_t rows = weights_.Side(kProjectionWeight, 0);
  embedding_width_ = weights_.Side(kProjectionWeight, 1);
  if (token_width_ < 1 || embedding_width_ < 1 || rows < 1 || rows % token_width_ != 0 ||
      rows / token_width_ > kMostTokens) {
    Refuse(weights_, "has an image projection of " + std::to_string(rows) + " rows for tokens of " +
                         std::to_string(token_width_) + " numbers; it is damaged");
  }
  token_count_ = rows / token_width_;
  CheckShape(weights_, kProjectionBias, {rows}, "the image projection");
  CheckShape(weights_, kNormBias, {token_width_}, "the image projection");
  if (!HasAny(weights_, kMapping)) return;
  state_width_ = weights_.Side(kGate, 1);
  if (state_width_ == embedding_width_) {
    Refuse(weights_, "maps states of " + std::to_string(state_width_) +
                         " numbers to embeddings of as many, which a file of tokens could not "
                         "tell apart");
  }
  for (const char* const name : {kGate, kUp}) {
    CheckShape(weights_, name, {embedding_width_, state_width_}, "the mapping");
  }
  CheckShape(weights_, kDown, {embedding_width_, embedding_width_}, "the mapping");
}

bool Adapter::has_image_encoder() const { return HasAny(weights_, kEncoder); }

// Whether the file has weights for so many blocks, and no others.
void Adapter::CheckNames(size_t blocks) const {
  std::set<std::string> expected;
  for (size_t place = 0; place < blocks; ++place) {
    expected.insert({Self(place, kKeys), Self(place, kValues), Self(place, kScale),
                     Cross(place, kKeys), Cross(place, kValues)});
  }
  std::string missing;
  for (const std::string& tensor : expected) {
    if (missing.empty() && !weights_.Has(tensor)) missing = tensor;
  }
  size_t found = 0;
  std::string other;
  for (const std::string& name : weights_.names()) {
    if (name.rfind(kAttentions, 0) != 0) continue;
    expected.contains(name) ? static_cast<void>(++found) : static_cast<void>(other = name);
  }
  if (missing.empty() && other.empty()) return;
  // More than half are there: one is missing, rather than all made for something else.
  if (other.empty() && 2 * found > expected.size()) {
    Refuse(weights_, "has no tensor \"" + missing + "\"; it is damaged or incomplete");
  }
  Refuse(weights_, "is for a network of another structure: this model has " +
                       std::to_string(2 * blocks) + " attentions, for which \"" +
                       (missing.empty() ? other + "\" is too much" : missing + "\" is missing") +
                       " (Stable Diffusion 1.5 has 32)");
}

void Adapter::CheckFits(int64_t text_features, const std::vector<TransformerBlock>& blocks) const {
  if (token_width_ != text_features) {
    Refuse(weights_, "is for a model whose text has " + std::to_string(token_width_) +
                         " features, and this model's has " + std::to_string(text_features) +
                         " (Stable Diffusion 1.5: 768); take the adapter for this model");
  }
  CheckNames(blocks.size());
  for (size_t place = 0; place < blocks.size(); ++place) {
    const TransformerBlock& block = blocks[place];
    for (const char* const what : {kKeys, kValues}) {
      CheckShape(weights_, Self(place, what), {block.channels, block.channels}, block.self_name);
      CheckShape(weights_, Cross(place, what), {block.channels, token_width_}, block.cross_name);
    }
    const std::vector<int64_t>& shape = weights_.Shape(Self(place, kScale));
    if (!shape.empty()) CheckShape(weights_, Self(place, kScale), {1}, block.self_name);
  }
}

at::Tensor Adapter::EmbeddingOf(const at::Tensor& state) const {
  const auto linear = [&](const char* name, const at::Tensor& input) {
    return at::linear(input, weights_.Read(name, {embedding_width_, input.size(0)}));
  };
  return linear(kDown, at::silu(linear(kGate, state)) * linear(kUp, state));
}

at::Tensor Adapter::TokensOf(const at::Tensor& embedding) const {
  const int64_t rows = token_count_ * token_width_;
  const at::Tensor numbers =
      at::linear(embedding, weights_.Read(kProjectionWeight, {rows, embedding_width_}),
                 weights_.Read(kProjectionBias, {rows}));
  return at::layer_norm(numbers.view({token_count_, token_width_}), {token_width_},
                        weights_.Read(kNormWeight, {token_width_}),
                        weights_.Read(kNormBias, {token_width_}), kNormEpsilon);
}

SelfWeights Adapter::ReadSelfWeights(size_t place, int64_t channels) const {
  const std::string scale = Self(place, kScale);
  return {weights_.Read(Self(place, kKeys), {channels, channels}),
          weights_.Read(Self(place, kValues), {channels, channels}),
          weights_.Read(scale, weights_.Shape(scale)).item<double>()};
}

std::pair<at::Tensor, at::Tensor> Adapter::KeysAndValues(size_t place, int64_t channels,
                                                         const at::Tensor& tokens) const {
  const auto project = [&](const char* what) {
    return at::linear(tokens, weights_.Read(Cross(place, what), {channels, token_width_}));
  };
  return {project(kKeys), project(kValues)};
}

}  // namespace moma
