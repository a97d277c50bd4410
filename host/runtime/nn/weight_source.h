#ifndef PATCHBAY_HOST_RUNTIME_NN_WEIGHT_SOURCE_H_
#define PATCHBAY_HOST_RUNTIME_NN_WEIGHT_SOURCE_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/runtime/checkpoint/integer_weight.h"
#include "host/runtime/nn/site.h"

namespace patchbay {

// Where the weights of a denoiser's operators come from that are not kept in memory. Control
// thread, while no job runs on the denoiser.
class WeightSource {
 public:
  virtual ~WeightSource() = default;
  // Whether the operator's weight may be let go of: it could be read again.
  virtual absl::Status CheckRelease(SiteIndex site) const = 0;
  // The operator's weights, as the model computes with them.
  virtual absl::StatusOr<OperatorWeights> Read(SiteIndex site) const = 0;
  // The operator's weight as integers, where the model's file stores it so and the model computes
  // with nothing else; otherwise null.
  virtual absl::StatusOr<std::shared_ptr<const IntegerWeight>> Integers(SiteIndex site) const = 0;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_NN_WEIGHT_SOURCE_H_
