#ifndef PATCHBAY_HOST_RUNTIME_DENOISER_RECOMPUTATION_H_
#define PATCHBAY_HOST_RUNTIME_DENOISER_RECOMPUTATION_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>

#include "host/runtime/denoiser/unet_call.h"

namespace patchbay {

// Gradient checkpointing (Chen et al., Training Deep Nets with Sublinear Memory Cost,
// arXiv:1604.06174): of a module without trained parameters only the input is kept; what it
// computes on the way is computed once more when gradients are wanted.

// An input of fewer numbers costs more time than its results are worth in memory.
inline constexpr int64_t kRecomputedFrom = int64_t{1} << 19;

// What a module needs to run again after the run of the network has ended: nothing here is
// another's, and no hooks.
class LastingCall {
 public:
  // Modules are computed again whose inputs have `least_numbers` or more.
  explicit LastingCall(const UNetCall& call, int64_t least_numbers = kRecomputedFrom);
  LastingCall(const LastingCall&) = delete;
  LastingCall& operator=(const LastingCall&) = delete;

  const UNetCall& call() const { return call_; }
  int64_t least_numbers() const { return least_numbers_; }

 private:
  const int64_t least_numbers_;
  const TextContext text_;
  const OperatorTable no_patches_;
  const DenoiserHooks hooks_;
  const patchbay_step step_;
  const Evaluation evaluation_;
  const UNetCall call_;
};

// Whether a module with these sites is computed again: gradients reach x, it is large, and nothing
// that may have parameters hangs on any site from `first` to `last`.
bool IsRecomputed(const UNetCall& call, SiteIndex first, SiteIndex last, const at::Tensor& x);

// body(x), computed again for the gradient of x, which must be all that it owes anything to. The
// function is kept as long as LibTorch's graph.
at::Tensor ComputedAgain(const at::Tensor& x,
                         const std::function<at::Tensor(const at::Tensor&)>& body);

// body(x, call), computed again where that serves. The body of a module with the sites from `first`
// to `last`; it must not hold what ends with the call.
template <typename Body>
at::Tensor WithRecomputation(SiteIndex first, SiteIndex last, const UNetCall& call,
                             const at::Tensor& x, const Body& body) {
  if (!IsRecomputed(call, first, last, x)) return body(x, call);
  return ComputedAgain(x, [body, lasting = call.lasting](const at::Tensor& again) {
    return body(again, lasting->call());
  });
}

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_DENOISER_RECOMPUTATION_H_
