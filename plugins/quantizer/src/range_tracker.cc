#include "range_tracker.h"

#include <algorithm>
#include <cmath>

namespace quantizer {
namespace {

constexpr float kMomentum = 0.95f;

}  // namespace

Range RangeOf(const at::Tensor& values) {
  if (values.numel() == 0) return {};
  const auto [least, largest] = at::aminmax(values);
  const Range range = {least.item<float>(), largest.item<float>()};
  TORCH_CHECK(std::isfinite(range.low) && std::isfinite(range.high),
              "calibration met numbers that are not finite");
  return {std::min(range.low, 0.0f), std::max(range.high, 0.0f)};
}

void RangeTracker::Add(const Range& batch) {
  if (!range_) {
    range_ = batch;
    return;
  }
  range_->low = kMomentum * range_->low + (1 - kMomentum) * batch.low;
  range_->high = kMomentum * range_->high + (1 - kMomentum) * batch.high;
}

}  // namespace quantizer
