#ifndef PATCHBAY_HOST_PLUGINS_WEIGHT_SOURCE_H_
#define PATCHBAY_HOST_PLUGINS_WEIGHT_SOURCE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
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
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_WEIGHT_SOURCE_H_
