#ifndef PATCHBAY_HOST_RUNTIME_DENOISER_ATTENTION_LAYER_H_
#define PATCHBAY_HOST_RUNTIME_DENOISER_ATTENTION_LAYER_H_

#include <ATen/ATen.h>

#include <array>

#include "host/runtime/denoiser/unet_call.h"
#include "host/runtime/nn/linear.h"

namespace patchbay {

// Multi-head attention with its projections "to_q", "to_k", "to_v" (without bias unless stored) and
// "to_out.0". The same class serves self-attention (keys and values from x) and cross-attention
// (from the text).
class AttentionLayer {
 public:
  // context_features: the width of what keys and values are projected from; negative accepts any.
  AttentionLayer(const ModuleScope& scope, int64_t features, int64_t context_features,
                 int64_t heads);

  // context: [B, S, context features]
  KeyValue Project(const at::Tensor& context, const OperatorCall& operators) const;

  // residual + to_out(attend(to_q(x), keys and values)), where keys and values are projected from x
  // unless they are given. x, residual: [B, T, features], with T = grid.height * grid.width.
  at::Tensor ForwardAdd(const at::Tensor& x, const KeyValue* key_value, const at::Tensor& residual,
                        const TokenGrid& grid, const UNetCall& call) const;

  int64_t heads() const { return heads_; }
  int64_t context_features() const { return to_k_.in_features(); }
  SiteIndex site() const { return site_; }
  // What Project() computes with.
  std::array<SiteIndex, 2> context_layers() const { return {to_k_.site(), to_v_.site()}; }

 private:
  at::Tensor ForwardHooked(const at::Tensor& x, const KeyValue* key_value, const TokenGrid& grid,
                           const UNetCall& call, const AttentionHooks& hooks) const;

  int64_t heads_;
  Linear to_q_;
  Linear to_k_;
  Linear to_v_;
  Linear to_out_;
  SiteIndex site_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_DENOISER_ATTENTION_LAYER_H_
