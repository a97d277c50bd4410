#ifndef PATCHBAY_HOST_RUNTIME_NN_OPERATOR_TABLE_H_
#define PATCHBAY_HOST_RUNTIME_NN_OPERATOR_TABLE_H_

#include <ATen/ATen.h>

#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"
#include "host/runtime/nn/site.h"

namespace patchbay {

// Something that stands in for one linear layer or convolution: a LoRA's side branch, integer
// arithmetic. Called by several jobs at once, hence const.
class OperatorPatch {
 public:
  virtual ~OperatorPatch() = default;
  // The operator's output for the input `x`. `original` computes what the operator itself would
  // give.
  virtual at::Tensor Forward(const at::Tensor& x,
                             absl::FunctionRef<at::Tensor(const at::Tensor&)> original) const = 0;
};

// The patches of one component, by site. An empty table is the usual case and costs one load and
// one branch per operator. Immutable while in use; any thread may read.
class OperatorTable {
 public:
  OperatorTable() = default;

  const OperatorPatch* Find(SiteIndex site) const {
    return patches_.empty() ? nullptr : patches_[static_cast<size_t>(site)].get();
  }

  // `sites` is the number of sites of the component.
  void Set(SiteIndex site, size_t sites, std::shared_ptr<const OperatorPatch> patch) {
    patches_.resize(sites);
    patches_[static_cast<size_t>(site)] = std::move(patch);
  }

 private:
  std::vector<std::shared_ptr<const OperatorPatch>> patches_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_NN_OPERATOR_TABLE_H_
