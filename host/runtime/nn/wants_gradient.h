#ifndef PATCHBAY_HOST_RUNTIME_NN_WANTS_GRADIENT_H_
#define PATCHBAY_HOST_RUNTIME_NN_WANTS_GRADIENT_H_

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

namespace patchbay {

// Whether LibTorch records what is computed from the tensor.
inline bool WantsGradient(const at::Tensor& tensor) {
  return tensor.requires_grad() && c10::GradMode::is_enabled();
}

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_NN_WANTS_GRADIENT_H_
