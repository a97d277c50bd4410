#include "plugins/ip-adapter/src/image_projection.h"

#include <patchbay/aten.h>

#include <string>

#include "plugins/clip_vision/src/preprocessing.h"

namespace ip_adapter {
namespace {

using clip_vision::Weights;

// Of a head of the resampler; its files do not say it.
constexpr int64_t kHeadWidth = 64;
constexpr int64_t kMostBlocks = 64;
// Of a picture; ViT-L/14 gives 577 at 336 pixels. Each takes memory at every cross-attention.
constexpr int64_t kMostTokens = 1024;

void CheckCount(const Adapter& adapter, int64_t tokens) {
  if (tokens >= 1 && tokens <= kMostTokens) return;
  throw patchbay::Error("adapter: " + adapter.weights().name() + " makes " +
                        std::to_string(tokens) + " tokens of a picture; 1 to " +
                        std::to_string(kMostTokens) + " are possible");
}

at::Tensor Linear(const Weights& weights, const std::string& name, int64_t out, bool has_bias,
                  const at::Tensor& input) {
  const at::Tensor weight = weights.Read(name + ".weight", {out, input.size(-1)});
  return at::linear(input, weight, has_bias ? weights.Read(name + ".bias", {out}) : at::Tensor());
}

at::Tensor Norm(const Weights& weights, const std::string& name, const at::Tensor& input) {
  const int64_t width = input.size(-1);
  return at::layer_norm(input, {width}, weights.Read(name + ".weight", {width}),
                        weights.Read(name + ".bias", {width}), 1e-5);
}

at::Tensor ProjectPlain(const Adapter& adapter, const at::Tensor& embeddings) {
  const Weights& weights = adapter.weights();
  const int64_t out = weights.Side("image_proj.proj.weight", 0);
  if (out % adapter.token_width() != 0) {
    throw patchbay::Error("adapter: " + weights.name() + ": \"image_proj.proj.weight\" gives " +
                          std::to_string(out) + " numbers, which are no whole tokens of " +
                          std::to_string(adapter.token_width()));
  }
  CheckCount(adapter, out / adapter.token_width());
  const at::Tensor tokens = Linear(weights, "image_proj.proj", out, true, embeddings)
                                .view({embeddings.size(0), -1, adapter.token_width()});
  return Norm(weights, "image_proj.norm", tokens);
}

at::Tensor ProjectFull(const Adapter& adapter, const at::Tensor& states) {
  const Weights& weights = adapter.weights();
  CheckCount(adapter, states.size(1));
  const int64_t inner = weights.Side("image_proj.proj.0.weight", 0);
  const at::Tensor hidden = at::gelu(Linear(weights, "image_proj.proj.0", inner, true, states));
  return Norm(weights, "image_proj.proj.3",
              Linear(weights, "image_proj.proj.2", adapter.token_width(), true, hidden));
}

// Latents look at the picture's states and at themselves.
at::Tensor Attend(const Weights& weights, const std::string& block, const at::Tensor& states,
                  const at::Tensor& latents) {
  const int64_t inner = weights.Side(block + ".to_q.weight", 0);
  if (inner < kHeadWidth || inner % kHeadWidth != 0) {
    throw patchbay::Error("adapter: " + weights.name() + ": \"" + block + ".to_q.weight\" gives " +
                          std::to_string(inner) + " numbers, which are no whole heads of " +
                          std::to_string(kHeadWidth));
  }
  const auto heads = [](const at::Tensor& tensor) {
    return tensor.view({tensor.size(0), tensor.size(1), -1, kHeadWidth}).transpose(1, 2);
  };
  const at::Tensor asking = Norm(weights, block + ".norm2", latents);
  const at::Tensor seen = at::cat({Norm(weights, block + ".norm1", states), asking}, 1);
  const at::Tensor query = Linear(weights, block + ".to_q", inner, false, asking);
  const auto both = Linear(weights, block + ".to_kv", 2 * inner, false, seen).chunk(2, -1);
  const at::Tensor attended =
      at::scaled_dot_product_attention(heads(query), heads(both[0]), heads(both[1]));
  return Linear(weights, block + ".to_out", latents.size(-1), false,
                attended.transpose(1, 2).reshape(query.sizes()));
}

at::Tensor ProjectPlus(const Adapter& adapter, const at::Tensor& states) {
  const Weights& weights = adapter.weights();
  const int64_t count = weights.Side("image_proj.latents", 1);
  const int64_t width = weights.Side("image_proj.latents", 2);
  CheckCount(adapter, width < 1 ? 0 : count);
  at::Tensor latents = weights.Read("image_proj.latents", {1, count, width});
  latents = latents.expand({states.size(0), count, width});
  const at::Tensor seen = Linear(weights, "image_proj.proj_in", width, true, states);
  for (int64_t i = 0; i < kMostBlocks; ++i) {
    const std::string block = "image_proj.layers." + std::to_string(i);
    if (!weights.Has(block + ".0.to_q.weight")) break;
    latents = latents + Attend(weights, block + ".0", seen, latents);
    const int64_t inner = weights.Side(block + ".1.1.weight", 0);
    const at::Tensor hidden = at::gelu(
        Linear(weights, block + ".1.1", inner, false, Norm(weights, block + ".1.0", latents)));
    latents = latents + Linear(weights, block + ".1.3", width, false, hidden);
  }
  return Norm(weights, "image_proj.norm_out",
              Linear(weights, "image_proj.proj_out", adapter.token_width(), true, latents));
}

}  // namespace

at::Tensor Project(const Adapter& adapter, const at::Tensor& features) {
  switch (adapter.projection()) {
    case Projection::kPlain:
      return ProjectPlain(adapter, features);
    case Projection::kPlus:
      return ProjectPlus(adapter, features);
    case Projection::kFull:
      return ProjectFull(adapter, features);
  }
  throw patchbay::Error("an image projection of no known kind", PATCHBAY_INTERNAL);
}

at::Tensor ImageTokens(const Adapter& adapter, const clip_vision::VisionEncoder& encoder,
                       const at::Tensor& squares) {
  const bool is_plain = adapter.projection() == Projection::kPlain;
  const clip_vision::VisionConfig& config = encoder.config();
  if (const int64_t given = is_plain ? config.projection : config.width;
      given != adapter.input_width() && given != 0) {
    throw patchbay::Error("encoder: " + encoder.weights().name() + " gives " +
                          std::to_string(given) + " numbers for " +
                          (is_plain ? "a picture" : "each part of a picture") +
                          ", and the adapter takes " + std::to_string(adapter.input_width()) +
                          "; take the image encoder that the adapter was made with (ViT-H/14 for "
                          "most, ViT-bigG/14 for ip-adapter_sdxl)");
  }
  const at::Tensor pictures = clip_vision::Normalised(squares);
  at::Tensor features;
  if (is_plain) {
    const at::Tensor embeddings = encoder.ImageEmbeds(pictures);
    features = at::cat({at::zeros_like(embeddings), embeddings});
  } else {
    // The empty picture is the same beside all of them.
    const at::Tensor empty = at::zeros_like(pictures.slice(0, 0, 1));
    const at::Tensor states = encoder.PenultimateStates(at::cat({empty, pictures}));
    const at::Tensor own = states.slice(0, 1);
    features = at::cat({states.slice(0, 0, 1).expand_as(own), own});
  }
  const at::Tensor tokens = Project(adapter, features);
  return tokens.view({2, pictures.size(0), tokens.size(1), tokens.size(2)});
}

}  // namespace ip_adapter
