#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_RANGE_TRACKER_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_RANGE_TRACKER_H_

#include <ATen/ATen.h>

#include <optional>

#include "kernel.h"

namespace quantizer {

// The least and the largest of the values, widened to include zero. Throws c10::Error when one is
// not finite.
Range RangeOf(const at::Tensor& values);

// The range of a layer's input over the batches of a calibration, as MixDQ tracks it: the first
// batch's, then 0.95 of what was plus 0.05 of each further batch. One thread at a time.
class RangeTracker {
 public:
  // batch: includes zero.
  void Add(const Range& batch);

  // Nothing before the first batch.
  std::optional<Range> range() const { return range_; }

 private:
  std::optional<Range> range_;
};

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_RANGE_TRACKER_H_
