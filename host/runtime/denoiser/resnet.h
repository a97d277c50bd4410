#ifndef PATCHBAY_HOST_RUNTIME_DENOISER_RESNET_H_
#define PATCHBAY_HOST_RUNTIME_DENOISER_RESNET_H_

#include <ATen/ATen.h>

#include <optional>

#include "host/runtime/denoiser/unet_call.h"
#include "host/runtime/nn/convolution.h"
#include "host/runtime/nn/linear.h"
#include "host/runtime/nn/normalization.h"

namespace patchbay {

// A residual block with time embedding:
//   h = conv1(SiLU(norm1(x))) + time_emb_proj(SiLU(time embedding))
//   y = shortcut(x) + conv2(SiLU(norm2(h)))
// The shortcut is a 1x1 convolution where the widths differ. Widths come from the stored shapes.
class UNetResnet {
 public:
  UNetResnet(const ModuleScope& scope, int64_t norm_groups, double norm_epsilon);

  // [B, in, H, W] -> [B, out, H, W]
  at::Tensor Forward(const at::Tensor& input, const UNetCall& call) const;

  SiteIndex site() const { return site_; }
  // Says that the input is a feature map of `below` channels joined with a skip connection; only
  // while the network is being built.
  void SetSkipSplit(SiteTable& sites, int64_t below) const;

  int64_t in_channels() const { return first_.in_channels(); }
  int64_t out_channels() const { return first_.out_channels(); }

 private:
  at::Tensor Compute(const at::Tensor& x, const UNetCall& call) const;

  Convolution first_;
  Linear time_projection_;
  Convolution second_;
  GroupNorm first_norm_;
  GroupNorm second_norm_;
  std::optional<Convolution> shortcut_;
  SiteIndex site_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_DENOISER_RESNET_H_
