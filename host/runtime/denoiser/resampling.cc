#include "host/runtime/denoiser/resampling.h"

namespace patchbay {
namespace {

at::Tensor Resized(const at::Tensor& x, const UpsampleTarget& target) {
  const int64_t size[] = {target.height, target.width};
  switch (target.mode) {
    case UpsampleTarget::Mode::kBilinear:
      return at::upsample_bilinear2d(x, size, /*align_corners=*/false);
    case UpsampleTarget::Mode::kBicubic:
      return at::upsample_bicubic2d(x, size, /*align_corners=*/false);
    case UpsampleTarget::Mode::kNearest:
      break;
  }
  return at::upsample_nearest2d(x, size);
}

}  // namespace

Downsample::Downsample(const ModuleScope& scope)
    : conv_(scope.Child("conv"), -1, -1, 3, {.stride = 2, .padding = 1, .dilation = 1}),
      site_(scope.AddSite(SiteKind::kDownsample, conv_.in_channels(), conv_.out_channels())) {}

at::Tensor Downsample::Forward(const at::Tensor& x, const UNetCall& call) const {
  ConvolutionGeometry geometry = conv_.geometry();
  if (const ResamplingHooks* hooks = call.hooks.resamplings.Find(site_)) {
    for (const auto& edit : hooks->geometry) edit(call.evaluation(), geometry);
  }
  return conv_.Forward(x, geometry, call.operators);
}

Upsample::Upsample(const ModuleScope& scope)
    : conv_(scope.Child("conv"), -1, -1, 3, {.stride = 1, .padding = 1, .dilation = 1}),
      site_(scope.AddSite(SiteKind::kUpsample, conv_.in_channels(), conv_.out_channels())) {}

at::Tensor Upsample::Forward(const at::Tensor& x, int64_t height, int64_t width,
                             const UNetCall& call) const {
  UpsampleTarget target{height, width, UpsampleTarget::Mode::kNearest};
  if (const ResamplingHooks* hooks = call.hooks.resamplings.Find(site_)) {
    const TokenGrid input = {x.size(2), x.size(3)};
    for (const auto& edit : hooks->target) edit(call.evaluation(), input, target);
  }
  return conv_.Forward(Resized(x, target), call.operators);
}

}  // namespace patchbay
