#ifndef PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_CLIP_LAYER_H_
#define PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_CLIP_LAYER_H_

#include <ATen/ATen.h>

#include "host/runtime/checkpoint/text_encoder_config.h"
#include "host/runtime/nn/linear.h"
#include "host/runtime/nn/normalization.h"

namespace patchbay {

// One layer of a CLIP text encoder: x + attention(norm(x)), then x + mlp(norm(x)). Submodules as in
// transformers: layer_norm1, self_attn.{q,k,v,out}_proj, layer_norm2, mlp.fc1, mlp.fc2. Immutable;
// any thread may call.
class ClipLayer {
 public:
  ClipLayer(const ModuleScope& scope, int64_t width, const TextEncoderConfig& config);

  // [B, T, W] -> [B, T, W]; a position sees itself and those before it.
  at::Tensor Forward(const at::Tensor& x, const OperatorCall& operators) const;

 private:
  int64_t heads_;
  TextActivation activation_;
  LayerNorm layer_norm1_;
  Linear q_proj_;
  Linear k_proj_;
  Linear v_proj_;
  Linear out_proj_;
  LayerNorm layer_norm2_;
  Linear fc1_;
  Linear fc2_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_CLIP_LAYER_H_
