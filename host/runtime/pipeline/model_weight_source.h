#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_MODEL_WEIGHT_SOURCE_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_MODEL_WEIGHT_SOURCE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "host/runtime/nn/weight_source.h"
#include "host/runtime/pipeline/loaded_model.h"

namespace patchbay {

// The weights that a model's denoiser has let go of, from the model's file.
class ModelWeightSource final : public WeightSource {
 public:
  // The model must outlive the object.
  explicit ModelWeightSource(const LoadedModel& model) : model_(model) {}

  absl::Status CheckRelease(SiteIndex site) const override {
    return model_.releasable->Check(model_.unet->sites(), site);
  }
  absl::StatusOr<OperatorWeights> Read(SiteIndex site) const override {
    return model_.releasable->Read(model_.unet->sites(), site);
  }
  absl::StatusOr<std::shared_ptr<const IntegerWeight>> Integers(SiteIndex site) const override {
    return model_.releasable->Integers(model_.unet->sites(), site);
  }

 private:
  const LoadedModel& model_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_MODEL_WEIGHT_SOURCE_H_
