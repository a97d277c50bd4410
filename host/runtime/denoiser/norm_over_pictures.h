#ifndef PATCHBAY_HOST_RUNTIME_DENOISER_NORM_OVER_PICTURES_H_
#define PATCHBAY_HOST_RUNTIME_DENOISER_NORM_OVER_PICTURES_H_

#include <ATen/ATen.h>

#include "host/runtime/denoiser/unet_call.h"
#include "host/runtime/nn/normalization.h"

namespace patchbay {

// SiLU(norm(x)), x [roles * pictures, C, H, W], with the statistics of each group of channels taken
// over all pictures of a role, as AnimateDiff's first modules were trained (arXiv:2307.04725).
at::Tensor NormSiluOverPictures(const GroupNorm& norm, const UNetCall& call, const at::Tensor& x);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_DENOISER_NORM_OVER_PICTURES_H_
