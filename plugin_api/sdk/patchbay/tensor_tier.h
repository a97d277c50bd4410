#ifndef PATCHBAY_SDK_TENSOR_TIER_H_
#define PATCHBAY_SDK_TENSOR_TIER_H_

// Which tensor class a plugin is written on. Included through <patchbay/aten.h> or
// <patchbay/stable.h>, one of which a plugin includes.

#if defined(PATCHBAY_SDK_USE_STABLE_TENSOR)

#include <torch/csrc/stable/tensor.h>

#include "patchbay/abi/plugin.h"

namespace patchbay {

using Tensor = torch::stable::Tensor;

namespace sdk {

inline constexpr patchbay_tier kTier = PATCHBAY_TIER_STABLE;
// The oldest LibTorch that serves: what the plugin was built for.
inline constexpr const char* kFingerprint = PATCHBAY_STABLE_LIBTORCH;

inline Tensor borrow(patchbay_tensor handle) {
  AtenTensorHandle copy = nullptr;
  STABLE_TORCH_ERROR_CODE_CHECK(aoti_torch_new_tensor_handle(handle, &copy));
  return Tensor(copy);
}
inline Tensor adopt(patchbay_tensor handle) { return Tensor(handle); }
inline patchbay_tensor give(const Tensor& tensor) {
  AtenTensorHandle copy = nullptr;
  STABLE_TORCH_ERROR_CODE_CHECK(aoti_torch_new_tensor_handle(tensor.get(), &copy));
  return copy;
}
inline bool is_defined(const Tensor& tensor) { return tensor.defined(); }

}  // namespace sdk
}  // namespace patchbay

#else

#include <ATen/ATen.h>

#include "patchbay/abi/plugin.h"
#include "patchbay/build_fingerprint.h"

struct AtenTensorOpaque;

namespace patchbay {

using Tensor = at::Tensor;

namespace sdk {

inline constexpr patchbay_tier kTier = PATCHBAY_TIER_EXACT;
inline constexpr const char* kFingerprint = PATCHBAY_BUILD_FINGERPRINT;

// A handle is the address of an at::Tensor on the heap
// (torch/csrc/inductor/aoti_torch/utils.h).
inline Tensor borrow(patchbay_tensor handle) { return *reinterpret_cast<const Tensor*>(handle); }
inline Tensor adopt(patchbay_tensor handle) {
  Tensor* owned = reinterpret_cast<Tensor*>(handle);
  Tensor tensor = std::move(*owned);
  delete owned;
  return tensor;
}
inline patchbay_tensor give(Tensor tensor) {
  return reinterpret_cast<patchbay_tensor>(new Tensor(std::move(tensor)));
}
inline bool is_defined(const Tensor& tensor) { return tensor.defined(); }

}  // namespace sdk
}  // namespace patchbay

#endif

namespace patchbay::sdk {

// Optional tensors: NULL where there is none.
inline Tensor borrow_optional(patchbay_tensor handle) {
  return handle == nullptr ? Tensor() : borrow(handle);
}
inline patchbay_tensor give_optional(const Tensor& tensor) {
  return is_defined(tensor) ? give(tensor) : nullptr;
}

}  // namespace patchbay::sdk

#endif  // PATCHBAY_SDK_TENSOR_TIER_H_
