#include "host/runtime/nn/linear.h"

#include "host/runtime/nn/accumulate.h"
#include "host/runtime/nn/onednn.h"

namespace patchbay {

Linear::Linear(const ModuleScope& scope, int64_t in_features, int64_t out_features, Bias bias)
    : weight_(scope.Read("weight", {out_features, in_features})) {
  out_features_ = weight_.size(0);
  in_features_ = weight_.size(1);
  packed_ = CanPackWeight(weight_);
  if (packed_) weight_ = PackLinearWeight(weight_);
  if (bias == Bias::kRequired) bias_ = scope.Read("bias", {out_features_});
  if (bias == Bias::kIfStored) bias_ = scope.ReadOptional("bias", {out_features_});
  site_ = scope.AddSite(SiteKind::kLinear, in_features_, out_features_);
  scope.sites().SetWeights(site_, [packed = packed_, stored = weight_, stored_bias = bias_] {
    return OperatorWeights{packed ? UnpackWeight(stored) : stored, stored_bias};
  });
}

at::Tensor Linear::weight() const { return packed_ ? UnpackWeight(weight_) : weight_; }

at::Tensor Linear::Apply(const at::Tensor& x) const {
  if (packed_ && CanUsePackedWeight(x)) return PackedLinear(x, weight_, bias_);
  return at::linear(x, weight(), bias_);
}

at::Tensor Linear::Forward(const at::Tensor& x, const OperatorCall& operators) const {
  if (const OperatorPatch* patch = operators.table.Find(site_)) {
    return patch->Forward({x, nullptr, operators.evaluation},
                          [this](const at::Tensor& input) { return Apply(input); });
  }
  return Apply(x);
}

at::Tensor Linear::ForwardAdd(const at::Tensor& x, const at::Tensor& residual,
                              const OperatorCall& operators) const {
  // A patch may keep what it returns.
  if (operators.table.Find(site_)) return Forward(x, operators) + residual;
  return Accumulate(Apply(x), residual);
}

}  // namespace patchbay
