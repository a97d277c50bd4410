#include "range_tracker.h"

#include <algorithm>
#include <cmath>

namespace quantizer {
namespace {

constexpr float kMomentum = 0.95f;

}  // namespace

void RangeTracker::Add(const at::Tensor& values) {
  if (values.numel() == 0) return;
  const auto [least, largest] = at::aminmax(values);
  const float low = std::min(least.item<float>(), 0.0f);
  const float high = std::max(largest.item<float>(), 0.0f);
  TORCH_CHECK(std::isfinite(least.item<float>()) && std::isfinite(largest.item<float>()),
              "calibration met numbers that are not finite");
  if (!range_) {
    range_ = Range{low, high};
    return;
  }
  range_->low = kMomentum * range_->low + (1 - kMomentum) * low;
  range_->high = kMomentum * range_->high + (1 - kMomentum) * high;
}

}  // namespace quantizer
