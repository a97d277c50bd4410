#ifndef PATCHBAY_HOST_RUNTIME_DENOISER_TRANSFORMER_H_
#define PATCHBAY_HOST_RUNTIME_DENOISER_TRANSFORMER_H_

#include <ATen/ATen.h>

#include <vector>

#include "host/runtime/denoiser/attention_layer.h"
#include "host/runtime/denoiser/unet_call.h"
#include "host/runtime/nn/feed_forward.h"
#include "host/runtime/nn/linear.h"
#include "host/runtime/nn/normalization.h"

namespace patchbay {

// Self-attention, cross-attention and feed-forward, each behind a layer norm and added to its
// input.
class TransformerBlock {
 public:
  // context_index: this block's cross-attention's number in TextContext::keys_and_values.
  TransformerBlock(const ModuleScope& scope, int64_t features, int64_t context_features,
                   int64_t heads, size_t context_index);

  // [B, T, features] -> the same shape, T = grid.height * grid.width
  at::Tensor Forward(const at::Tensor& tokens, const TokenGrid& grid, const UNetCall& call) const;

  // Whether gradients reach the text's keys or values.
  bool TrainsText(const UNetCall& call) const;

  const AttentionLayer& self_attention() const { return self_; }
  const AttentionLayer& cross_attention() const { return cross_; }

 private:
  LayerNorm first_norm_;
  AttentionLayer self_;
  LayerNorm second_norm_;
  AttentionLayer cross_;
  LayerNorm third_norm_;
  GatedFeedForward feed_forward_;
  size_t context_index_;
};

// x + proj_out(blocks(proj_in(norm(x)))) over the positions of a feature map. The projections may
// be stored as linear layers or as 1x1 convolutions; on tokens both are the same product.
class SpatialTransformer {
 public:
  SpatialTransformer(const ModuleScope& scope, int64_t heads, int64_t norm_groups,
                     int64_t context_features, size_t first_context_index);

  // [B, C, H, W] -> the same shape, in channels-last memory order
  at::Tensor Forward(const at::Tensor& input, const UNetCall& call) const;

  const std::vector<TransformerBlock>& blocks() const { return blocks_; }
  SiteIndex site() const { return site_; }

 private:
  at::Tensor Compute(const at::Tensor& x, const UNetCall& call) const;

  Linear proj_in_;
  GroupNorm norm_;
  std::vector<TransformerBlock> blocks_;
  Linear proj_out_;
  SiteIndex site_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_DENOISER_TRANSFORMER_H_
