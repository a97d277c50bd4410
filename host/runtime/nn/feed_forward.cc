#include "host/runtime/nn/feed_forward.h"

#include <ATen/Parallel.h>

#include <vector>

#include "host/runtime/nn/pointwise.h"

namespace patchbay {
namespace {

// [..., 2 * inner] to value * GELU(gate) [..., inner], the value being the left half.
at::Tensor ApplyGate(const at::Tensor& projected) {
  const PointwiseKernel* kernel = FindPointwiseKernel(projected);
  if (kernel == nullptr) {
    const auto halves = projected.chunk(2, -1);
    return halves[0] * at::gelu(halves[1]);
  }
  const at::Tensor x = projected.contiguous();
  const int64_t columns = x.size(-1) / 2;
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes.back() = columns;
  const at::Tensor out = at::empty(sizes, x.options());
  at::parallel_for(0, out.numel() / columns, RowGrain(columns), [&](int64_t first, int64_t last) {
    kernel->gated_gelu(RowStart(x, first, 2 * columns), last - first, columns,
                       MutableRowStart(out, first, columns));
  });
  return out;
}

}  // namespace

GatedFeedForward::GatedFeedForward(const ModuleScope& scope, int64_t width)
    : proj_(scope.Child("net.0.proj"), width, -1, Linear::Bias::kRequired),
      out_(scope.Child("net.2"), proj_.out_features() / 2, width, Linear::Bias::kRequired) {}

at::Tensor GatedFeedForward::ForwardAdd(const at::Tensor& x, const at::Tensor& residual,
                                        const OperatorCall& operators) const {
  return out_.ForwardAdd(ApplyGate(proj_.Forward(x, operators)), residual, operators);
}

}  // namespace patchbay
