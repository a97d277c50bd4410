#include "host/runtime/denoiser/resampling.h"

namespace patchbay {

Downsample::Downsample(const ModuleScope& scope)
    : conv_(scope.Child("conv"), -1, -1, 3, {.stride = 2, .padding = 1, .dilation = 1}),
      site_(scope.AddSite(SiteKind::kDownsample, conv_.in_channels(), conv_.out_channels())) {}

at::Tensor Downsample::Forward(const at::Tensor& x, const UNetCall& call) const {
  return conv_.Forward(x, call.operators);
}

Upsample::Upsample(const ModuleScope& scope)
    : conv_(scope.Child("conv"), -1, -1, 3, {.stride = 1, .padding = 1, .dilation = 1}),
      site_(scope.AddSite(SiteKind::kUpsample, conv_.in_channels(), conv_.out_channels())) {}

at::Tensor Upsample::Forward(const at::Tensor& x, int64_t height, int64_t width,
                             const UNetCall& call) const {
  return conv_.Forward(at::upsample_nearest2d(x, {height, width}), call.operators);
}

}  // namespace patchbay
