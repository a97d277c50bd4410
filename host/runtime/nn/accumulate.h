#ifndef PATCHBAY_HOST_RUNTIME_NN_ACCUMULATE_H_
#define PATCHBAY_HOST_RUNTIME_NN_ACCUMULATE_H_

#include <ATen/ATen.h>

#include <utility>

#include "host/runtime/nn/wants_gradient.h"

namespace patchbay {

// fresh + residual, in the memory of `fresh`, which nobody else may hold, where broadcasting and
// differentiation allow that. (Faster here than oneDNN's own fused addition, which costs its
// matrix product more than a pass over a result that is still in the cache.)
inline at::Tensor Accumulate(at::Tensor fresh, const at::Tensor& residual) {
  const bool differentiated = WantsGradient(fresh) || WantsGradient(residual);
  if (differentiated || fresh.sizes() != residual.sizes() ||
      fresh.scalar_type() != residual.scalar_type()) {
    return fresh + residual;
  }
  fresh.add_(residual);
  return fresh;
}

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_NN_ACCUMULATE_H_
