#include "host/runtime/nn/operator_table.h"

#include <algorithm>

namespace patchbay {
namespace {

class NestedPatch final : public OperatorPatch {
 public:
  NestedPatch(std::shared_ptr<const OperatorPatch> inner,
              std::shared_ptr<const OperatorPatch> outer)
      : inner_(std::move(inner)), outer_(std::move(outer)) {}

  at::Tensor Forward(const OperatorInput& input,
                     absl::FunctionRef<at::Tensor(const at::Tensor&)> original) const override {
    return outer_->Forward(input, [&](const at::Tensor& x) {
      return inner_->Forward({x, input.geometry, input.evaluation}, original);
    });
  }

 private:
  std::shared_ptr<const OperatorPatch> inner_;
  std::shared_ptr<const OperatorPatch> outer_;
};

}  // namespace

OperatorTable OperatorTable::Nest(const OperatorTable& inner, const OperatorTable& outer) {
  OperatorTable nested = inner;
  nested.patches_.resize(std::max(inner.patches_.size(), outer.patches_.size()));
  for (size_t i = 0; i < outer.patches_.size(); ++i) {
    const std::shared_ptr<const OperatorPatch>& patch = outer.patches_[i];
    if (patch == nullptr) continue;
    std::shared_ptr<const OperatorPatch>& place = nested.patches_[i];
    place = place == nullptr ? patch : std::make_shared<const NestedPatch>(place, patch);
  }
  return nested;
}

}  // namespace patchbay
