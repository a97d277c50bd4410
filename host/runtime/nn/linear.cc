#include "host/runtime/nn/linear.h"

#include <utility>
#include <vector>

#include "host/runtime/nn/accumulate.h"
#include "host/runtime/nn/input_gradient.h"
#include "host/runtime/nn/onednn.h"
#include "host/runtime/nn/wants_gradient.h"

namespace patchbay {
namespace {

struct FixedLinear {
  static constexpr bool kKeepsInput = false;
};

}  // namespace

class Linear::Storage final : public OperatorStorage {
 public:
  Storage(const at::Tensor& weight, at::Tensor bias)
      : shape_(weight.sizes().vec()), bytes_(weight.nbytes()), bias_(std::move(bias)) {
    if (!weight.is_meta()) GiveBack(weight);
  }

  OperatorWeights Weights() const override { return {weight(), bias_}; }
  bool has_weight() const override { return kept_.defined(); }
  uint64_t bytes() const override { return bytes_; }
  const std::vector<int64_t>& shape() const override { return shape_; }
  void LetGo() override { kept_ = at::Tensor(); }
  void GiveBack(const at::Tensor& weight) override {
    packed_ = CanPackWeight(weight);
    kept_ = packed_ ? PackLinearWeight(weight) : weight;
  }

  bool packed() const { return packed_; }
  const at::Tensor& kept() const { return kept_; }
  at::Tensor weight() const { return packed_ && kept_.defined() ? UnpackWeight(kept_) : kept_; }

 private:
  std::vector<int64_t> shape_;
  uint64_t bytes_;
  at::Tensor bias_;
  bool packed_ = false;
  at::Tensor kept_;
};

Linear::Linear(const ModuleScope& scope, int64_t in_features, int64_t out_features, Bias bias) {
  const std::vector<int64_t> shape = {out_features, in_features};
  const at::Tensor weight = scope.ReadOperator(shape);
  out_features_ = weight.size(0);
  in_features_ = weight.size(1);
  if (bias == Bias::kRequired) bias_ = scope.Read("bias", {out_features_});
  if (bias == Bias::kIfStored) bias_ = scope.ReadOptional("bias", {out_features_});
  storage_ = std::make_shared<Storage>(weight, bias_);
  site_ = scope.AddSite(SiteKind::kLinear, in_features_, out_features_);
  scope.sites().SetStorage(site_, storage_);
}

at::Tensor Linear::weight() const { return storage_->weight(); }

at::Tensor Linear::Apply(const at::Tensor& x) const {
  TORCH_CHECK(storage_->has_weight(), "a linear layer's weight was released by the plugin that ",
              "replaces it, and the plugin gave no output in its place");
  if (WantsGradient(x)) return ApplyDifferentiably(x);
  if (storage_->packed()) return PackedLinear(x, storage_->kept(), bias_);
  return at::linear(x, weight(), bias_);
}

at::Tensor Linear::ApplyDifferentiably(const at::Tensor& x) const {
  return WithInputGradient<FixedLinear>(
      x, [this](const at::Tensor& input) { return Apply(input); },
      [storage = storage_](const at::Tensor&, const at::Tensor& of_output) {
        TORCH_CHECK(storage->has_weight(), "a linear layer's weight was released before gradients ",
                    "through it were taken");
        return at::matmul(of_output, storage->weight());
      });
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
