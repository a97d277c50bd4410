#ifndef PATCHBAY_HOST_RUNTIME_NN_OPERATOR_STORAGE_H_
#define PATCHBAY_HOST_RUNTIME_NN_OPERATOR_STORAGE_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace patchbay {

// What a linear layer or convolution computes with: [out, in] or [out, in, kernel, kernel], and
// [out] or undefined.
struct OperatorWeights {
  at::Tensor weight;
  at::Tensor bias;
};

// Where a linear layer or a convolution keeps its weight, in whatever order it computes with. The
// weight can be let go of while something else stands in for the operator, and be given back; the
// bias stays. Both only while nothing runs the operator. Otherwise any thread may read.
class OperatorStorage {
 public:
  virtual ~OperatorStorage() = default;

  // In new tensors where they are kept packed; `weight` is undefined while it is let go of.
  virtual OperatorWeights Weights() const = 0;
  virtual bool has_weight() const = 0;
  // Of the weight as it is kept; an estimate from its shape while it is let go of.
  virtual uint64_t bytes() const = 0;
  // Of the weight.
  virtual const std::vector<int64_t>& shape() const = 0;

  virtual void LetGo() = 0;
  // weight: the same as before, as Weights() gives it.
  virtual void GiveBack(const at::Tensor& weight) = 0;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_NN_OPERATOR_STORAGE_H_
