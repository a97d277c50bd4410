#include "host/runtime/text_encoder/clip_layer.h"

#include "host/runtime/nn/attention.h"

namespace patchbay {
namespace {

// arXiv:1606.08415, section 2: a sigmoid close to the Gaussian's distribution function.
constexpr double kQuickGeluSlope = 1.702;

at::Tensor Activate(const at::Tensor& x, TextActivation activation) {
  if (activation == TextActivation::kGelu) return at::gelu(x);
  return x * at::sigmoid(x * kQuickGeluSlope);
}

constexpr auto kBias = Linear::Bias::kRequired;

}  // namespace

ClipLayer::ClipLayer(const ModuleScope& scope, int64_t width, const TextEncoderConfig& config)
    : heads_(config.heads),
      activation_(config.activation),
      layer_norm1_(scope.Child("layer_norm1"), width, config.layer_norm_eps),
      q_proj_(scope.Child("self_attn").Child("q_proj"), width, width, kBias),
      k_proj_(scope.Child("self_attn").Child("k_proj"), width, width, kBias),
      v_proj_(scope.Child("self_attn").Child("v_proj"), width, width, kBias),
      out_proj_(scope.Child("self_attn").Child("out_proj"), width, width, kBias),
      layer_norm2_(scope.Child("layer_norm2"), width, config.layer_norm_eps),
      fc1_(scope.Child("mlp").Child("fc1"), width, -1, kBias),
      fc2_(scope.Child("mlp").Child("fc2"), fc1_.out_features(), width, kBias) {}

at::Tensor ClipLayer::Forward(const at::Tensor& x, const OperatorCall& operators) const {
  const at::Tensor normed = layer_norm1_.Forward(x);
  const at::Tensor attended =
      Attend(q_proj_.Forward(normed, operators), k_proj_.Forward(normed, operators),
             v_proj_.Forward(normed, operators), heads_, /*causal=*/true);
  const at::Tensor middle = out_proj_.ForwardAdd(attended, x, operators);
  const at::Tensor inner =
      Activate(fc1_.Forward(layer_norm2_.Forward(middle), operators), activation_);
  return fc2_.ForwardAdd(inner, middle, operators);
}

}  // namespace patchbay
