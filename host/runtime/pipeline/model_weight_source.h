#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_MODEL_WEIGHT_SOURCE_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_MODEL_WEIGHT_SOURCE_H_

#include <cstddef>
#include <memory>

#include "absl/status/statusor.h"
#include "host/base/process_memory.h"
#include "host/runtime/nn/weight_source.h"
#include "host/runtime/pipeline/loaded_model.h"

namespace patchbay {

// The weights that a model's denoiser has let go of, from the model's file. One thread.
class ModelWeightSource final : public WeightSource {
 public:
  // The model must outlive the object.
  explicit ModelWeightSource(const LoadedModel& model) : model_(model) {}

  absl::Status CheckRelease(SiteIndex site) const override {
    return model_.releasable->Check(model_.unet->sites(), site);
  }
  absl::StatusOr<OperatorWeights> Read(SiteIndex site) const override {
    absl::StatusOr<OperatorWeights> weights = model_.releasable->Read(model_.unet->sites(), site);
    if (weights.ok()) CountRead(weights->weight.nbytes());
    return weights;
  }
  absl::StatusOr<std::shared_ptr<const IntegerWeight>> Integers(SiteIndex site) const override {
    return model_.releasable->Integers(model_.unet->sites(), site);
  }

 private:
  // Whoever reads one weight after the other lets go of most of what it reads, which the allocator
  // keeps in pieces.
  void CountRead(size_t bytes) const {
    constexpr size_t kUntilReturned = size_t{128} << 20;
    read_bytes_ += bytes;
    if (read_bytes_ < kUntilReturned) return;
    read_bytes_ = 0;
    ReturnFreedMemory();
  }

  const LoadedModel& model_;
  mutable size_t read_bytes_ = 0;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_MODEL_WEIGHT_SOURCE_H_
