#ifndef PATCHBAY_HOST_VALIDATOR_LENT_TENSOR_H_
#define PATCHBAY_HOST_VALIDATOR_LENT_TENSOR_H_

#include <ATen/ATen.h>

namespace patchbay {

// How a tensor is handed to a plugin.
enum class Lending {
  kAsItIs,
  // In the middle of a larger buffer, whose rest is watched.
  kGuarded,
  // Every other element of its last dimension's memory: neither dense nor at the buffer's start.
  kStrided,
};

// A copy of a tensor for a plugin to look at, and a look at what became of it.
class LentTensor {
 public:
  LentTensor(const at::Tensor& original, Lending lending);

  // Undefined where the original is.
  const at::Tensor& tensor() const { return lent_; }
  // Whether the elements are what they were.
  bool IsUnchanged() const;
  // Whether the memory around them is.
  bool IsSurroundingUnchanged() const;

 private:
  at::Tensor lent_;
  at::Tensor copy_;    // what it held
  at::Tensor buffer_;  // of bytes; undefined for kAsItIs
  at::Tensor before_;  // the buffer's bytes
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_VALIDATOR_LENT_TENSOR_H_
