#include "host/runtime/nn/feed_forward.h"

namespace patchbay {

GatedFeedForward::GatedFeedForward(const ModuleScope& scope, int64_t width)
    : proj_(scope.Child("net.0.proj"), width, -1, Linear::Bias::kRequired),
      out_(scope.Child("net.2"), proj_.out_features() / 2, width, Linear::Bias::kRequired) {}

at::Tensor GatedFeedForward::ForwardAdd(const at::Tensor& x, const at::Tensor& residual,
                                        const OperatorTable& operators) const {
  const auto halves = proj_.Forward(x, operators).chunk(2, -1);
  return out_.ForwardAdd(halves[0] * at::gelu(halves[1]), residual, operators);
}

}  // namespace patchbay
