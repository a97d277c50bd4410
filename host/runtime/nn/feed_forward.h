#ifndef PATCHBAY_HOST_RUNTIME_NN_FEED_FORWARD_H_
#define PATCHBAY_HOST_RUNTIME_NN_FEED_FORWARD_H_

#include <ATen/ATen.h>

#include <array>

#include "host/runtime/nn/linear.h"

namespace patchbay {

// A transformer block's gated feed-forward layer, W2 (value * GELU(gate)) + b2 with
// [value, gate] = W1 x + b1 (GEGLU, arXiv:2002.05202; exact GELU). Submodules as in diffusers:
// "net.0.proj" [2 * inner, width] and "net.2" [width, inner]. Immutable; any thread may call.
class GatedFeedForward {
 public:
  GatedFeedForward(const ModuleScope& scope, int64_t width);

  // [B, T, width] -> residual + feed_forward(x), same shape.
  at::Tensor ForwardAdd(const at::Tensor& x, const at::Tensor& residual,
                        const OperatorCall& operators) const;

  // Its linear layers, in the order of their sites.
  std::array<SiteIndex, 2> layers() const { return {proj_.site(), out_.site()}; }

 private:
  Linear proj_;
  Linear out_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_NN_FEED_FORWARD_H_
