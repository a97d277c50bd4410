#include "host/runtime/nn/convolution.h"

#include "host/runtime/nn/accumulate.h"
#include "host/runtime/nn/onednn.h"

namespace patchbay {
namespace {

// Whether a 1x1 convolution is a product over the channels of each position.
bool IsPositionwise(const ConvolutionGeometry& geometry) {
  return geometry.stride == 1 && geometry.padding == 0;
}

}  // namespace

Convolution::Convolution(const ModuleScope& scope, int64_t in_channels, int64_t out_channels,
                         int64_t kernel, const ConvolutionGeometry& geometry)
    : geometry_(geometry) {
  const at::Tensor weight = scope.Read("weight", {out_channels, in_channels, kernel, kernel});
  out_channels_ = weight.size(0);
  in_channels_ = weight.size(1);
  if (!CanPackWeight(weight)) {
    weight_ = weight.contiguous(at::MemoryFormat::ChannelsLast);
  } else if (kernel == 1 && IsPositionwise(geometry)) {
    packed_linear_ = PackLinearWeight(weight.flatten(1));
  } else {
    packed_ = std::make_shared<const PackedConvolutionWeight>(weight, geometry);
  }
  bias_ = scope.Read("bias", {out_channels_});
  site_ = scope.AddSite(SiteKind::kConvolution, in_channels_, out_channels_);
  Site& site = scope.sites().Edit(site_);
  site.kernel = kernel;
  site.stride = geometry.stride;
  site.padding = geometry.padding;
  scope.sites().SetWeights(site_, [copy = *this] {
    return OperatorWeights{copy.weight(), copy.bias()};
  });
}

at::Tensor Convolution::weight() const {
  if (packed_) return packed_->Unpacked();
  if (packed_linear_.defined()) return UnpackWeight(packed_linear_).unsqueeze(-1).unsqueeze(-1);
  return weight_;
}

at::Tensor Convolution::Apply(const at::Tensor& x, const ConvolutionGeometry& geometry) const {
  const bool use_packed = CanUsePackedWeight(x);
  if (use_packed && packed_linear_.defined() && IsPositionwise(geometry)) {
    return PackedLinear(x.permute({0, 2, 3, 1}), packed_linear_, bias_).permute({0, 3, 1, 2});
  }
  const at::Tensor input = x.contiguous(at::MemoryFormat::ChannelsLast);
  if (use_packed && packed_) {
    return PackedConvolution(input, packed_->For(input, geometry), bias_, geometry.stride,
                             geometry.padding, geometry.dilation);
  }
  return at::conv2d(input, weight().contiguous(at::MemoryFormat::ChannelsLast), bias_,
                    geometry.stride, geometry.padding, geometry.dilation);
}

at::Tensor Convolution::Forward(const at::Tensor& x, const OperatorCall& operators) const {
  return Forward(x, geometry_, operators);
}

at::Tensor Convolution::Forward(const at::Tensor& x, const ConvolutionGeometry& geometry,
                                const OperatorCall& operators) const {
  if (const OperatorPatch* patch = operators.table.Find(site_)) {
    return patch->Forward({x, &geometry, operators.evaluation},
                          [&](const at::Tensor& input) { return Apply(input, geometry); });
  }
  return Apply(x, geometry);
}

at::Tensor Convolution::ForwardAdd(const at::Tensor& x, const at::Tensor& residual,
                                   const OperatorCall& operators) const {
  // A patch may keep what it returns.
  if (operators.table.Find(site_)) return Forward(x, operators) + residual;
  return Accumulate(Apply(x, geometry_), residual);
}

}  // namespace patchbay
