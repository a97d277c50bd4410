#ifndef PATCHBAY_HOST_RUNTIME_NN_LINEAR_H_
#define PATCHBAY_HOST_RUNTIME_NN_LINEAR_H_

#include <ATen/ATen.h>

#include <memory>

#include "host/runtime/nn/module_scope.h"
#include "host/runtime/nn/operator_table.h"

namespace patchbay {

// y = x W^T + b over the last dimension. Immutable; any thread may call Forward.
//
// On a CPU the weight is kept in oneDNN's order only. Gradients go to x alone; LibTorch's graph
// keeps neither x nor a copy of the weight, which must be there again when they are taken.
class Linear {
 public:
  enum class Bias { kNone, kRequired, kIfStored };

  // Reads "weight" [out, in] (also accepts a 1x1 convolution's [out, in, 1, 1]) and "bias" [out]
  // and registers the site. The sizes are the stored ones; a negative number accepts any.
  Linear(const ModuleScope& scope, int64_t in_features, int64_t out_features, Bias bias);

  int64_t in_features() const { return in_features_; }
  int64_t out_features() const { return out_features_; }
  SiteIndex site() const { return site_; }

  // The weight [out, in]; a copy where it is kept packed, undefined while it is let go of.
  at::Tensor weight() const;
  // [out], or undefined.
  const at::Tensor& bias() const { return bias_; }

  // [..., in] -> [..., out]
  at::Tensor Forward(const at::Tensor& x, const OperatorCall& operators) const;
  // Forward(x) + residual, without a temporary for the sum. residual: [..., out]
  at::Tensor ForwardAdd(const at::Tensor& x, const at::Tensor& residual,
                        const OperatorCall& operators) const;

 private:
  at::Tensor Apply(const at::Tensor& x) const;
  at::Tensor ApplyDifferentiably(const at::Tensor& x) const;

  class Storage;

  SiteIndex site_;
  std::shared_ptr<Storage> storage_;  // copies share it
  int64_t in_features_;
  int64_t out_features_;
  at::Tensor bias_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_NN_LINEAR_H_
