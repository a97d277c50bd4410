#include "host/runtime/denoiser/transformer.h"

#include <algorithm>

#include "host/runtime/denoiser/feature_hooks.h"
#include "host/runtime/denoiser/recomputation.h"

namespace patchbay {
namespace {

constexpr double kTransformerGroupNormEpsilon = 1e-6;
constexpr double kLayerNormEpsilon = 1e-5;

// [B, C, H, W] in channels-last order -> [B, H * W, C], without copying.
at::Tensor ToTokens(const at::Tensor& x) {
  return x.permute({0, 2, 3, 1}).reshape({x.size(0), x.size(2) * x.size(3), x.size(1)});
}

at::Tensor FromTokens(const at::Tensor& tokens, int64_t height, int64_t width) {
  return tokens.view({tokens.size(0), height, width, tokens.size(2)}).permute({0, 3, 1, 2});
}

std::vector<TransformerBlock> MakeBlocks(const ModuleScope& scope, int64_t features,
                                         int64_t context_features, int64_t heads,
                                         size_t first_context_index) {
  std::vector<TransformerBlock> blocks;
  const int64_t depth = scope.CountChildren("transformer_blocks");
  blocks.reserve(static_cast<size_t>(depth));
  for (int64_t i = 0; i < depth; ++i) {
    blocks.emplace_back(scope.Child("transformer_blocks", i), features, context_features, heads,
                        first_context_index + static_cast<size_t>(i));
  }
  return blocks;
}

}  // namespace

TransformerBlock::TransformerBlock(const ModuleScope& scope, int64_t features,
                                   int64_t context_features, int64_t heads, size_t context_index)
    : first_norm_(scope.Child("norm1"), features, kLayerNormEpsilon),
      self_(scope.Child("attn1"), features, features, heads),
      second_norm_(scope.Child("norm2"), features, kLayerNormEpsilon),
      cross_(scope.Child("attn2"), features, context_features, heads),
      third_norm_(scope.Child("norm3"), features, kLayerNormEpsilon),
      feed_forward_(scope.Child("ff"), features),
      context_index_(context_index) {
  scope.sites().Edit(cross_.site()).is_cross_attention = true;
  for (const SiteIndex layer : cross_.context_layers()) {
    scope.sites().Edit(layer).is_from_text = true;
  }
}

at::Tensor TransformerBlock::Forward(const at::Tensor& tokens, const TokenGrid& grid,
                                     const UNetCall& call) const {
  const at::Tensor after_self =
      self_.ForwardAdd(first_norm_.Forward(tokens), nullptr, tokens, grid, call);
  const at::Tensor after_cross =
      cross_.ForwardAdd(second_norm_.Forward(after_self),
                        &call.text.keys_and_values[context_index_], after_self, grid, call);
  const auto [first, last] = feed_forward_.layers();
  return WithRecomputation(
      first, last, call, after_cross, [this](const at::Tensor& x, const UNetCall& at) {
        return feed_forward_.ForwardAdd(third_norm_.Forward(x), x, at.operators);
      });
}

bool TransformerBlock::TrainsText(const UNetCall& call) const {
  const KeyValue& text = call.text.keys_and_values[context_index_];
  return text.key.requires_grad() || text.value.requires_grad();
}

SpatialTransformer::SpatialTransformer(const ModuleScope& scope, int64_t heads, int64_t norm_groups,
                                       int64_t context_features, size_t first_context_index)
    : proj_in_(scope.Child("proj_in"), -1, -1, Linear::Bias::kRequired),
      norm_(scope.Child("norm"), proj_in_.in_features(), norm_groups, kTransformerGroupNormEpsilon),
      blocks_(
          MakeBlocks(scope, proj_in_.out_features(), context_features, heads, first_context_index)),
      proj_out_(scope.Child("proj_out"), proj_in_.out_features(), proj_in_.in_features(),
                Linear::Bias::kRequired),
      site_(scope.AddSite(SiteKind::kTransformer, proj_in_.in_features(), proj_in_.in_features())) {
}

at::Tensor SpatialTransformer::Forward(const at::Tensor& input, const UNetCall& call) const {
  return WithModuleHooks(site_, call, input, [&](const at::Tensor& x) {
    const bool trains_text =
        std::any_of(blocks_.begin(), blocks_.end(),
                    [&](const TransformerBlock& block) { return block.TrainsText(call); });
    if (trains_text) return Compute(x, call);
    return WithRecomputation(
        proj_in_.site(), site_, call, x,
        [this](const at::Tensor& features, const UNetCall& at) { return Compute(features, at); });
  });
}

at::Tensor SpatialTransformer::Compute(const at::Tensor& x, const UNetCall& call) const {
  const TokenGrid grid = {x.size(2), x.size(3)};
  at::Tensor tokens = proj_in_.Forward(ToTokens(norm_.Forward(x)), call.operators);
  for (const TransformerBlock& block : blocks_) tokens = block.Forward(tokens, grid, call);
  return FromTokens(proj_out_.ForwardAdd(tokens, ToTokens(x), call.operators), grid.height,
                    grid.width);
}

}  // namespace patchbay
