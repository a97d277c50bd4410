#include "host/runtime/autoencoder/vae_blocks.h"

#include <algorithm>

#include "host/runtime/nn/attention.h"

namespace patchbay {
namespace {

constexpr double kNormEpsilon = 1e-6;
constexpr ConvolutionGeometry kSameSize3x3 = {.stride = 1, .padding = 1, .dilation = 1};
constexpr ConvolutionGeometry kHalving3x3 = {.stride = 2, .padding = 0, .dilation = 1};

}  // namespace

VaeResnet::VaeResnet(const ModuleScope& scope, int64_t norm_groups)
    : first_(scope.Child("conv1"), -1, -1, 3, kSameSize3x3),
      second_(scope.Child("conv2"), first_.out_channels(), first_.out_channels(), 3, kSameSize3x3),
      first_norm_(scope.Child("norm1"), first_.in_channels(), norm_groups, kNormEpsilon),
      second_norm_(scope.Child("norm2"), first_.out_channels(), norm_groups, kNormEpsilon) {
  if (first_.in_channels() != first_.out_channels()) {
    shortcut_.emplace(scope.Child("conv_shortcut"), first_.in_channels(), first_.out_channels(), 1,
                      ConvolutionGeometry{});
  }
}

at::Tensor VaeResnet::Forward(const at::Tensor& x, const OperatorCall& operators) const {
  const at::Tensor hidden = first_.Forward(first_norm_.ForwardSilu(x), operators);
  const at::Tensor residual = shortcut_ ? shortcut_->Forward(x, operators) : x;
  return second_.ForwardAdd(second_norm_.ForwardSilu(hidden), residual, operators);
}

VaeAttention::VaeAttention(const ModuleScope& scope, int64_t norm_groups)
    : to_q_(scope.Child("to_q"), -1, -1, Linear::Bias::kRequired),
      to_k_(scope.Child("to_k"), to_q_.in_features(), to_q_.out_features(),
            Linear::Bias::kRequired),
      to_v_(scope.Child("to_v"), to_q_.in_features(), to_q_.out_features(),
            Linear::Bias::kRequired),
      to_out_(scope.Child("to_out.0"), to_q_.out_features(), to_q_.in_features(),
              Linear::Bias::kRequired),
      norm_(scope.Child("group_norm"), to_q_.in_features(), norm_groups, kNormEpsilon) {}

at::Tensor VaeAttention::Forward(const at::Tensor& x, const OperatorCall& operators) const {
  const auto to_tokens = [](const at::Tensor& map) {
    return map.permute({0, 2, 3, 1}).reshape({map.size(0), -1, map.size(1)});
  };
  const at::Tensor tokens = to_tokens(norm_.Forward(x));
  const at::Tensor attended =
      Attend(to_q_.Forward(tokens, operators), to_k_.Forward(tokens, operators),
             to_v_.Forward(tokens, operators), /*heads=*/1);
  const at::Tensor out = to_out_.ForwardAdd(attended, to_tokens(x), operators);
  return out.view({x.size(0), x.size(2), x.size(3), x.size(1)}).permute({0, 3, 1, 2});
}

VaeMidBlock::VaeMidBlock(const ModuleScope& scope, int64_t norm_groups)
    : first_(scope.Child("resnets.0"), norm_groups),
      second_(scope.Child("resnets.1"), norm_groups) {
  if (scope.CountChildren("attentions") > 0) {
    attention_.emplace(scope.Child("attentions.0"), norm_groups);
  }
}

at::Tensor VaeMidBlock::Forward(at::Tensor x, const OperatorCall& operators,
                                const CancellationCheck& is_cancelled) const {
  if (Asked(is_cancelled)) return {};
  x = first_.Forward(x, operators);
  if (attention_ && Asked(is_cancelled)) return {};
  if (attention_) x = attention_->Forward(x, operators);
  if (Asked(is_cancelled)) return {};
  return second_.Forward(x, operators);
}

VaeLevel::VaeLevel(const ModuleScope& scope, int64_t norm_groups) {
  const int64_t count = scope.CountChildren("resnets");
  resnets_.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) resnets_.emplace_back(scope.Child("resnets", i), norm_groups);
  if (scope.CountChildren("downsamplers") > 0) {
    downsample_.emplace(scope.Child("downsamplers.0.conv"), -1, -1, 3, kHalving3x3);
  }
  if (scope.CountChildren("upsamplers") > 0) {
    upsample_.emplace(scope.Child("upsamplers.0.conv"), -1, -1, 3, kSameSize3x3);
  }
}

int64_t VaeLevel::widest() const {
  int64_t widest = 0;
  for (const VaeResnet& resnet : resnets_) {
    widest = std::max({widest, resnet.in_channels(), resnet.out_channels()});
  }
  return widest;
}

at::Tensor VaeLevel::Forward(at::Tensor x, const OperatorCall& operators,
                             const CancellationCheck& is_cancelled) const {
  for (const VaeResnet& resnet : resnets_) {
    if (Asked(is_cancelled)) return {};
    x = resnet.Forward(x, operators);
  }
  if (Asked(is_cancelled)) return {};
  if (downsample_) {
    const at::Tensor padded = at::constant_pad_nd(x, {0, 1, 0, 1});
    x = downsample_->Forward(padded.contiguous(at::MemoryFormat::ChannelsLast), operators);
  }
  if (upsample_) {
    x = upsample_->Forward(at::upsample_nearest2d(x, {x.size(2) * 2, x.size(3) * 2}), operators);
  }
  return x;
}

}  // namespace patchbay
