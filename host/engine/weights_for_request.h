#ifndef PATCHBAY_HOST_ENGINE_WEIGHTS_FOR_REQUEST_H_
#define PATCHBAY_HOST_ENGINE_WEIGHTS_FOR_REQUEST_H_

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "host/engine/engine.h"
#include "host/runtime/pipeline/pipeline.h"

namespace patchbay {

// Keeps a checkpoint's weights in memory and gives each request the weights it asks for: those of
// the file, with the request's LoRAs merged into them or beside them. One thread at a time.
class WeightsForRequest {
 public:
  WeightsForRequest(Checkpoint checkpoint, const ComputeOptions& compute,
                    TokenizerSources tokenizers, LoraApplication application)
      : checkpoint_(std::move(checkpoint)),
        compute_(compute),
        tokenizers_(std::move(tokenizers)),
        application_(application) {}

  // Called before weights in memory are given up: whatever refers to them must go, but for what
  // holds them with Hold().
  void OnUnload(std::function<void()> callback) { on_unload_ = std::move(callback); }

  struct Ready {
    const LoadedModel* model = nullptr;  // until the next call of Prepare()
    LoraPatches loras;
    std::vector<std::string> warnings;
  };
  // Reads weights if those in memory will not do. may_stand_in: a chain may compute in the place of
  // operators, whose weights are then read by Release() only. INVALID_ARGUMENT for a LoRA that does
  // not fit, or that cannot stand beside the weights although that was asked for.
  absl::StatusOr<Ready> Prepare(absl::Span<const LoraChoice> loras, bool may_stand_in);

  // The weights that Prepare() gave last, whole but for those of these sites, and kept until the
  // result is let go of, which any thread may do: a job that needs others reads them beside these.
  absl::StatusOr<std::shared_ptr<const LoadedModel>> Hold(std::set<SiteIndex> without);
  // For the job that is about to run: lets go of the weights of these sites, and reads those again
  // that were let go of before and are not among them. Of weights that are held, nothing is let go
  // of but what all holders do without. FAILED_PRECONDITION when the file is not any more what it
  // was.
  absl::Status Release(std::set<SiteIndex> sites);

  const Checkpoint& checkpoint() const { return checkpoint_; }
  const ModelDescription& description() const { return checkpoint_.description; }
  double load_seconds() const { return load_seconds_; }

 private:
  absl::Status Load(absl::Span<const LoraChoice> choices, const LoraSet& merged,
                    UNetWeights unet_weights);
  absl::StatusOr<LoraPatches> Beside(const LoraSet& loras) const;

  Checkpoint checkpoint_;
  ComputeOptions compute_;
  TokenizerSources tokenizers_;
  LoraApplication application_;
  std::shared_ptr<const LoadedModel> loaded_;
  struct Holder {
    std::weak_ptr<const LoadedModel> model;
    std::set<SiteIndex> without;
  };
  std::vector<Holder> holders_;     // of the loaded weights, and some that have let go of them
  std::vector<LoraChoice> merged_;  // what is in the loaded weights
  double load_seconds_ = 0;
  std::function<void()> on_unload_ = [] {};
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_WEIGHTS_FOR_REQUEST_H_
