#ifndef PATCHBAY_HOST_RUNTIME_DENOISER_RESAMPLING_H_
#define PATCHBAY_HOST_RUNTIME_DENOISER_RESAMPLING_H_

#include <ATen/ATen.h>

#include "host/runtime/denoiser/unet_call.h"
#include "host/runtime/nn/convolution.h"

namespace patchbay {

// Halves height and width, rounding up: a 3x3 convolution with stride 2 unless a hook changes that.
class Downsample {
 public:
  explicit Downsample(const ModuleScope& scope);
  at::Tensor Forward(const at::Tensor& x, const UNetCall& call) const;
  SiteIndex site() const { return site_; }
  int64_t out_channels() const { return conv_.out_channels(); }

 private:
  Convolution conv_;
  SiteIndex site_;
};

// Enlarges to the size of the skip connection that comes next (twice the height and width, or one
// less where downsampling had rounded up), unless a hook changes that: nearest neighbour, then a
// 3x3 convolution.
class Upsample {
 public:
  explicit Upsample(const ModuleScope& scope);
  at::Tensor Forward(const at::Tensor& x, int64_t height, int64_t width,
                     const UNetCall& call) const;
  SiteIndex site() const { return site_; }
  int64_t out_channels() const { return conv_.out_channels(); }

 private:
  Convolution conv_;
  SiteIndex site_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_DENOISER_RESAMPLING_H_
