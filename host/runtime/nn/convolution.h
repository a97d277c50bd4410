#ifndef PATCHBAY_HOST_RUNTIME_NN_CONVOLUTION_H_
#define PATCHBAY_HOST_RUNTIME_NN_CONVOLUTION_H_

#include <ATen/ATen.h>

#include <memory>

#include "host/runtime/nn/module_scope.h"
#include "host/runtime/nn/operator_table.h"
#include "host/runtime/nn/packed_convolution_weight.h"

namespace patchbay {

// A two-dimensional convolution with bias. Immutable; any thread may call Forward. Input and output
// are [B, C, H, W] in channels-last memory order.
//
// On a CPU the weight is kept in oneDNN's order only. A 1x1 convolution is computed as the linear
// layer that it is. Gradients go to the input alone; LibTorch's graph keeps neither the input nor a
// copy of the weight, which must be there again when they are taken.
class Convolution {
 public:
  // Reads "weight" [out, in, kernel, kernel] and "bias" [out] and registers the site. A negative
  // number of channels accepts any.
  Convolution(const ModuleScope& scope, int64_t in_channels, int64_t out_channels, int64_t kernel,
              const ConvolutionGeometry& geometry);

  int64_t in_channels() const { return in_channels_; }
  int64_t out_channels() const { return out_channels_; }
  const ConvolutionGeometry& geometry() const { return geometry_; }
  SiteIndex site() const { return site_; }

  // The weight [out, in, kernel, kernel]; a copy where it is kept packed, undefined while it is let
  // go of.
  at::Tensor weight() const;
  const at::Tensor& bias() const { return bias_; }

  at::Tensor Forward(const at::Tensor& x, const OperatorCall& operators) const;
  // Forward(x) + residual, without a temporary for the sum.
  at::Tensor ForwardAdd(const at::Tensor& x, const at::Tensor& residual,
                        const OperatorCall& operators) const;
  // With another stride, padding or dilation than the model's own; patches are applied as usual.
  at::Tensor Forward(const at::Tensor& x, const ConvolutionGeometry& geometry,
                     const OperatorCall& operators) const;

 private:
  at::Tensor Apply(const at::Tensor& x, const ConvolutionGeometry& geometry) const;
  at::Tensor ApplyDifferentiably(const at::Tensor& x, const ConvolutionGeometry& geometry) const;

  class Storage;

  int64_t in_channels_;
  int64_t out_channels_;
  ConvolutionGeometry geometry_;
  SiteIndex site_;
  std::shared_ptr<Storage> storage_;  // copies share it
  at::Tensor bias_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_NN_CONVOLUTION_H_
