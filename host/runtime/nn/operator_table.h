#ifndef PATCHBAY_HOST_RUNTIME_NN_OPERATOR_TABLE_H_
#define PATCHBAY_HOST_RUNTIME_NN_OPERATOR_TABLE_H_

#include <ATen/ATen.h>

#include <memory>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "host/runtime/nn/packed_convolution_weight.h"
#include "host/runtime/nn/site.h"

namespace patchbay {

struct Evaluation;

// What a linear layer or convolution is about to compute with.
struct OperatorInput {
  const at::Tensor& x;
  // Convolutions only: the geometry at this call, which may not be the model's own.
  const ConvolutionGeometry* geometry = nullptr;
  // Null where no sampler is running (text encoders, tests).
  const Evaluation* evaluation = nullptr;
};

// Something that stands in for one linear layer or convolution: a LoRA's side branch, integer
// arithmetic. Called by several jobs at once, hence const.
class OperatorPatch {
 public:
  virtual ~OperatorPatch() = default;
  // The operator's output. `original` computes what the operator itself would give.
  virtual at::Tensor Forward(const OperatorInput& input,
                             absl::FunctionRef<at::Tensor(const at::Tensor&)> original) const = 0;
};

// The patches of one component, by site. An empty table is the usual case and costs one load and
// one branch per operator. Immutable while in use; any thread may read.
class OperatorTable {
 public:
  OperatorTable() = default;

  bool empty() const { return patches_.empty(); }

  const OperatorPatch* Find(SiteIndex site) const {
    return patches_.empty() ? nullptr : patches_[static_cast<size_t>(site)].get();
  }

  // `sites` is the number of sites of the component.
  void Set(SiteIndex site, size_t sites, std::shared_ptr<const OperatorPatch> patch) {
    patches_.resize(sites);
    patches_[static_cast<size_t>(site)] = std::move(patch);
  }

  // A table where `inner`'s patches stand closest to the operators and `outer`'s see them as the
  // originals.
  static OperatorTable Nest(const OperatorTable& inner, const OperatorTable& outer);

 private:
  std::vector<std::shared_ptr<const OperatorPatch>> patches_;
};

// The patches, and where in a job they are called.
struct OperatorCall {
  // A table alone serves where no sampler is running.
  // NOLINTNEXTLINE(google-explicit-constructor)
  OperatorCall(const OperatorTable& patches, const Evaluation* at = nullptr)
      : table(patches), evaluation(at) {}

  const OperatorTable& table;
  const Evaluation* evaluation;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_NN_OPERATOR_TABLE_H_
