#ifndef PATCHBAY_ABI_TENSOR_H_
#define PATCHBAY_ABI_TENSOR_H_

#include <stdint.h>

#include "patchbay/abi/status.h"

#if defined(__cplusplus)
extern "C" {
#endif

/* A tensor. It is LibTorch's own C handle (AtenTensorHandle of
 * torch/csrc/inductor/aoti_torch/c/shim.h), so a plugin that uses LibTorch takes it as it is: as
 * at::Tensor when its build matches the host's exactly, as torch::stable::Tensor otherwise. A
 * plugin without LibTorch uses the functions below.
 *
 * A handle that a hook is given is borrowed: it ends with the call, and what it points to must not
 * be changed. A handle that a hook gives back is the host's from then on. */
typedef struct AtenTensorOpaque* patchbay_tensor;

/* DLPack's own struct (dlpack/dlpack.h, version 0.6 or later, the unversioned one). */
struct DLManagedTensor;

/* [any] */
typedef struct patchbay_tensor_functions {
  uint32_t struct_size;
  /* A view of `tensor` without a copy. It holds the memory until its deleter is called. */
  patchbay_status (*to_dlpack)(patchbay_tensor tensor, struct DLManagedTensor** view,
                               patchbay_error* error);
  /* A new handle on what `managed` describes. Takes `managed` over, also when it fails; its deleter
   * may run on any thread and after the plugin's instance is gone, but not after its library is. */
  patchbay_status (*from_dlpack)(struct DLManagedTensor* managed, patchbay_tensor* tensor,
                                 patchbay_error* error);
  /* A second handle on the same tensor, for a plugin that wants to keep what it was lent. */
  patchbay_status (*duplicate)(patchbay_tensor tensor, patchbay_tensor* copy);
  /* Ends a handle that the plugin owns. */
  void (*release)(patchbay_tensor tensor);
} patchbay_tensor_functions;

#if defined(__cplusplus)
}
#endif

#endif /* PATCHBAY_ABI_TENSOR_H_ */
