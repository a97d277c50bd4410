#include "host/runtime/nn/convolution.h"

namespace patchbay {

Convolution::Convolution(const ModuleScope& scope, int64_t in_channels, int64_t out_channels,
                         int64_t kernel, const ConvolutionGeometry& geometry)
    : geometry_(geometry),
      weight_(scope.Read("weight", {out_channels, in_channels, kernel, kernel})
                  .contiguous(at::MemoryFormat::ChannelsLast)) {
  out_channels_ = weight_.size(0);
  in_channels_ = weight_.size(1);
  bias_ = scope.Read("bias", {out_channels_});
  site_ = scope.AddSite(SiteKind::kConvolution, in_channels_, out_channels_);
}

at::Tensor Convolution::Apply(const at::Tensor& x, const ConvolutionGeometry& geometry) const {
  return at::conv2d(x, weight_, bias_, geometry.stride, geometry.padding, geometry.dilation);
}

at::Tensor Convolution::Forward(const at::Tensor& x, const OperatorTable& operators) const {
  return Forward(x, geometry_, operators);
}

at::Tensor Convolution::Forward(const at::Tensor& x, const ConvolutionGeometry& geometry,
                                const OperatorTable& operators) const {
  if (const OperatorPatch* patch = operators.Find(site_)) {
    return patch->Forward(
        x, [this, &geometry](const at::Tensor& input) { return Apply(input, geometry); });
  }
  return Apply(x, geometry);
}

at::Tensor Convolution::ForwardAdd(const at::Tensor& x, const at::Tensor& residual,
                                   const OperatorTable& operators) const {
  return Forward(x, operators) + residual;
}

}  // namespace patchbay
