#include "host/engine/weights_for_request.h"

#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>

#include <utility>

#include "host/base/status_macros.h"
#include "host/base/stopwatch.h"

namespace patchbay {
namespace {

std::vector<WeightedLora> ToWeighted(absl::Span<const LoraChoice> choices) {
  std::vector<WeightedLora> loras;
  for (const LoraChoice& choice : choices) {
    loras.push_back({choice.path, choice.unet_weight, choice.text_weight});
  }
  return loras;
}

bool Same(absl::Span<const LoraChoice> a, absl::Span<const LoraChoice> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace

absl::StatusOr<WeightsForRequest::Ready> WeightsForRequest::Prepare(
    absl::Span<const LoraChoice> choices, bool may_stand_in) {
  const UNetWeights unet_weights = may_stand_in ? UNetWeights::kDeferred : UNetWeights::kRead;
  PATCHBAY_ASSIGN_OR_RETURN(const LoraSet loras, LoraSet::Open(ToWeighted(choices), checkpoint_));
  Ready ready;
  ready.warnings = loras.warnings();
  const bool is_merged = loaded_ != nullptr && Same(choices, merged_);
  const bool merges = application_ == LoraApplication::kMerged ||
                      (application_ == LoraApplication::kAuto && loaded_ == nullptr);
  if (is_merged || merges || choices.empty()) {
    if (!is_merged) PATCHBAY_RETURN_IF_ERROR(Load(choices, loras, unet_weights));
    ready.model = loaded_.get();
    return ready;
  }
  if (loaded_ == nullptr || !merged_.empty())
    PATCHBAY_RETURN_IF_ERROR(Load({}, LoraSet(), unet_weights));
  absl::StatusOr<LoraPatches> patches = Beside(loras);
  if (patches.ok()) {
    ready.loras = *std::move(patches);
  } else if (application_ == LoraApplication::kAuto && absl::IsUnimplemented(patches.status())) {
    PATCHBAY_RETURN_IF_ERROR(Load(choices, loras, unet_weights));
  } else {
    return patches.status();
  }
  ready.model = loaded_.get();
  return ready;
}

absl::Status WeightsForRequest::Load(absl::Span<const LoraChoice> choices, const LoraSet& merged,
                                     UNetWeights unet_weights) {
  const Stopwatch stopwatch(load_seconds_);
  on_unload_();
  loaded_ = nullptr;  // before the next weights need its memory
  holders_.clear();   // they keep what they hold
  // Actions differentiate through weights, which those that are made in inference mode are not fit
  // for.
  const c10::InferenceMode no_inference_mode(false);
  const c10::AutoGradMode no_gradients(false);
  PATCHBAY_ASSIGN_OR_RETURN(loaded_,
                            LoadModel(checkpoint_, compute_, tokenizers_, merged, unet_weights));
  merged_.assign(choices.begin(), choices.end());
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const LoadedModel>> WeightsForRequest::Hold(
    std::set<SiteIndex> without) {
  PATCHBAY_RETURN_IF_ERROR(Release(without));
  // Counted apart from the weights themselves, which this object holds as well.
  const std::shared_ptr<const LoadedModel> held(loaded_.get(),
                                                [kept = loaded_](const LoadedModel*) {});
  holders_.push_back({held, std::move(without)});
  return held;
}

absl::Status WeightsForRequest::Release(std::set<SiteIndex> sites) {
  const Stopwatch stopwatch(load_seconds_);
  const c10::InferenceMode no_inference_mode(false);
  const c10::AutoGradMode no_gradients(false);
  std::erase_if(holders_, [](const Holder& holder) { return holder.model.expired(); });
  for (const Holder& holder : holders_) {
    std::erase_if(sites, [&](SiteIndex site) { return holder.without.count(site) == 0; });
  }
  return loaded_->releasable->Release(loaded_->unet->sites(), sites);
}

absl::StatusOr<LoraPatches> WeightsForRequest::Beside(const LoraSet& loras) const {
  LoraPatches patches;
  PATCHBAY_ASSIGN_OR_RETURN(patches.unet,
                            loras.SideBranches(LoraComponent::kUNet, loaded_->unet->sites(),
                                               compute_.precision, compute_.device));
  for (size_t i = 0; i < loaded_->text.encoders.size(); ++i) {
    PATCHBAY_ASSIGN_OR_RETURN(
        OperatorTable table,
        loras.SideBranches(i == 0 ? LoraComponent::kTextEncoder : LoraComponent::kTextEncoder2,
                           loaded_->text.encoders[i].network->sites(), compute_.precision,
                           compute_.device));
    patches.text_encoders.push_back(std::make_shared<const OperatorTable>(std::move(table)));
  }
  return patches;
}

}  // namespace patchbay
