#ifndef PATCHBAY_HOST_RUNTIME_NN_PACKED_CONVOLUTION_WEIGHT_H_
#define PATCHBAY_HOST_RUNTIME_NN_PACKED_CONVOLUTION_WEIGHT_H_

#include <ATen/ATen.h>

#include <compare>
#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace patchbay {

struct ConvolutionGeometry {
  int64_t stride = 1;
  int64_t padding = 0;  // zeros on all four sides
  int64_t dilation = 1;
  auto operator<=>(const ConvolutionGeometry&) const = default;
};

// A convolution's weight in the order that oneDNN wants for the inputs at hand.
//
// That order depends on the input's size: a weight in another one is reordered at every call, which
// at small or uneven widths takes longer than the convolution. So a weight is packed once for
// inputs of unknown size, and again when an input comes that wants another order; most want the
// same. The two orders used last are kept, so memory at most doubles, and that of few small
// weights.
//
// Any thread may call.
class PackedConvolutionWeight {
 public:
  // weight: [out, in, kernel, kernel], of a type that CanPackWeight accepts.
  PackedConvolutionWeight(const at::Tensor& weight, const ConvolutionGeometry& geometry);

  // The weight as PackedConvolution wants it for x [B, in, H, W].
  at::Tensor For(const at::Tensor& x, const ConvolutionGeometry& geometry) const;
  // How many copies of the weight there are.
  size_t kept_orders() const;
  // The weight [out, in, kernel, kernel] as it was before packing, in a new tensor.
  at::Tensor Unpacked() const;

 private:
  struct Use {
    int64_t batch;
    int64_t height;
    int64_t width;
    ConvolutionGeometry geometry;
    auto operator<=>(const Use&) const = default;
  };
  struct KnownUse {
    Use use;
    at::Tensor packed;
  };

  at::Tensor PackFor(const Use& use) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ForgetOldUses() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::vector<int64_t> shape_;
  at::ScalarType type_;
  mutable absl::Mutex mutex_;
  // The latest first; never empty.
  mutable std::vector<KnownUse> known_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_NN_PACKED_CONVOLUTION_WEIGHT_H_
