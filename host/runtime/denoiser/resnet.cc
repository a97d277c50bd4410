#include "host/runtime/denoiser/resnet.h"

#include "host/runtime/denoiser/feature_hooks.h"
#include "host/runtime/denoiser/norm_over_pictures.h"
#include "host/runtime/denoiser/recomputation.h"

namespace patchbay {
namespace {

constexpr ConvolutionGeometry kSameSize3x3 = {.stride = 1, .padding = 1, .dilation = 1};

}  // namespace

UNetResnet::UNetResnet(const ModuleScope& scope, int64_t norm_groups, double norm_epsilon)
    : first_(scope.Child("conv1"), -1, -1, 3, kSameSize3x3),
      time_projection_(scope.Child("time_emb_proj"), -1, first_.out_channels(),
                       Linear::Bias::kRequired),
      second_(scope.Child("conv2"), first_.out_channels(), first_.out_channels(), 3, kSameSize3x3),
      first_norm_(scope.Child("norm1"), first_.in_channels(), norm_groups, norm_epsilon),
      second_norm_(scope.Child("norm2"), first_.out_channels(), norm_groups, norm_epsilon) {
  if (scope.Has("conv_shortcut.weight") || first_.in_channels() != first_.out_channels()) {
    shortcut_.emplace(scope.Child("conv_shortcut"), first_.in_channels(), first_.out_channels(), 1,
                      ConvolutionGeometry{});
  }
  site_ = scope.AddSite(SiteKind::kResnet, first_.in_channels(), first_.out_channels());
}

void UNetResnet::SetSkipSplit(SiteTable& sites, int64_t below) const {
  sites.Edit(site_).skip_split = below;
  sites.Edit(first_.site()).skip_split = below;
  if (shortcut_) sites.Edit(shortcut_->site()).skip_split = below;
}

at::Tensor UNetResnet::Forward(const at::Tensor& input, const UNetCall& call) const {
  return WithModuleHooks(site_, call, input, [&](const at::Tensor& x) {
    return WithRecomputation(
        first_.site(), site_, call, x,
        [this](const at::Tensor& features, const UNetCall& at) { return Compute(features, at); });
  });
}

at::Tensor UNetResnet::Compute(const at::Tensor& x, const UNetCall& call) const {
  const at::Tensor shift = time_projection_.Forward(call.activated_time_embedding, call.operators);
  const bool over_pictures = call.norms_over_pictures();
  const at::Tensor hidden = first_.Forward(
      over_pictures ? NormSiluOverPictures(first_norm_, call, x) : first_norm_.ForwardSilu(x),
      call.operators);
  const at::Tensor residual = shortcut_ ? shortcut_->Forward(x, call.operators) : x;
  const at::Tensor activated =
      over_pictures
          ? NormSiluOverPictures(second_norm_, call, hidden + shift.unsqueeze(-1).unsqueeze(-1))
          : second_norm_.ForwardShiftedSilu(hidden, shift);
  return second_.ForwardAdd(activated, residual, call.operators);
}

}  // namespace patchbay
