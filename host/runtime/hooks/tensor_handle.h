#ifndef PATCHBAY_HOST_RUNTIME_HOOKS_TENSOR_HANDLE_H_
#define PATCHBAY_HOST_RUNTIME_HOOKS_TENSOR_HANDLE_H_

#include <ATen/ATen.h>

#include <utility>

#include "patchbay/abi/tensor.h"

namespace patchbay {

// LibTorch's C handle of a tensor is the address of an at::Tensor
// (torch/csrc/inductor/aoti_torch/utils.h).

// A handle to lend: valid as long as `tensor`.
inline patchbay_tensor Lend(const at::Tensor& tensor) {
  return reinterpret_cast<patchbay_tensor>(const_cast<at::Tensor*>(&tensor));
}
inline patchbay_tensor LendOptional(const at::Tensor& tensor) {
  return tensor.defined() ? Lend(tensor) : nullptr;
}

// A handle for someone else to own.
inline patchbay_tensor NewHandle(at::Tensor tensor) {
  return reinterpret_cast<patchbay_tensor>(new at::Tensor(std::move(tensor)));
}

// What a borrowed handle stands for.
inline at::Tensor Borrowed(patchbay_tensor handle) {
  return *reinterpret_cast<const at::Tensor*>(handle);
}

// Ends a handle that is ours; undefined for null.
inline at::Tensor Adopted(patchbay_tensor handle) {
  if (handle == nullptr) return {};
  at::Tensor* const owned = reinterpret_cast<at::Tensor*>(handle);
  at::Tensor tensor = std::move(*owned);
  delete owned;
  return tensor;
}

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_HOOKS_TENSOR_HANDLE_H_
