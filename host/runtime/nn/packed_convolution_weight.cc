#include "host/runtime/nn/packed_convolution_weight.h"

#include <algorithm>
#include <set>
#include <utility>

#include "host/runtime/nn/onednn.h"

namespace patchbay {
namespace {

constexpr size_t kKeptUses = 16;
constexpr size_t kKeptOrders = 2;
// Elements. Weights above it stay in their first order: a second copy would show in the process's
// peak, and for widths of this size oneDNN's orders have been seen to differ for no input.
constexpr int64_t kLargeWeight = 1 << 20;

}  // namespace

PackedConvolutionWeight::PackedConvolutionWeight(const at::Tensor& weight,
                                                 const ConvolutionGeometry& geometry)
    : shape_(weight.sizes().vec()), type_(weight.scalar_type()) {
  at::Tensor packed = PackConvolutionWeight(weight, geometry.stride, geometry.padding,
                                            geometry.dilation, /*input_size=*/{});
  known_.push_back({.use = {.batch = 0, .height = 0, .width = 0, .geometry = geometry},
                    .packed = std::move(packed)});
}

at::Tensor PackedConvolutionWeight::For(const at::Tensor& x,
                                        const ConvolutionGeometry& geometry) const {
  const Use use = {
      .batch = x.size(0), .height = x.size(2), .width = x.size(3), .geometry = geometry};
  const absl::MutexLock lock(&mutex_);
  const auto found = std::find_if(known_.begin(), known_.end(),
                                  [&use](const KnownUse& known) { return known.use == use; });
  if (found != known_.end()) {
    std::rotate(known_.begin(), found, found + 1);
  } else {
    at::Tensor packed = PackFor(use);
    known_.insert(known_.begin(), {.use = use, .packed = std::move(packed)});
    ForgetOldUses();
  }
  return known_.front().packed;
}

at::Tensor PackedConvolutionWeight::PackFor(const Use& use) const {
  const auto pack = [&](const at::Tensor& weight) {
    return PackConvolutionWeight(weight, use.geometry.stride, use.geometry.padding,
                                 use.geometry.dilation,
                                 {use.batch, shape_[1], use.height, use.width});
  };
  if (known_.front().packed.numel() > kLargeWeight) return known_.front().packed;
  // Only packing something tells which order it would be.
  const at::Tensor packed = pack(at::empty(shape_, type_));
  const auto same = std::find_if(known_.begin(), known_.end(), [&packed](const KnownUse& known) {
    return HaveSameOrder(known.packed, packed);
  });
  return same != known_.end() ? same->packed : pack(UnpackWeight(known_.front().packed));
}

void PackedConvolutionWeight::ForgetOldUses() const {
  std::vector<const c10::TensorImpl*> orders;
  size_t kept = 0;
  while (kept < std::min(known_.size(), kKeptUses)) {
    const c10::TensorImpl* order = known_[kept].packed.unsafeGetTensorImpl();
    if (std::find(orders.begin(), orders.end(), order) == orders.end()) {
      if (orders.size() == kKeptOrders) break;
      orders.push_back(order);
    }
    ++kept;
  }
  known_.resize(kept);
}

size_t PackedConvolutionWeight::kept_orders() const {
  const absl::MutexLock lock(&mutex_);
  std::set<const c10::TensorImpl*> orders;
  for (const KnownUse& known : known_) orders.insert(known.packed.unsafeGetTensorImpl());
  return orders.size();
}

at::Tensor PackedConvolutionWeight::Unpacked() const {
  const absl::MutexLock lock(&mutex_);
  return UnpackWeight(known_.front().packed);
}

}  // namespace patchbay
