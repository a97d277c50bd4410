#include "host/engine/chain_cache.h"

#include <algorithm>

#include "host/base/process_memory.h"
#include "host/base/status_macros.h"
#include "host/runtime/pipeline/model_weight_source.h"

namespace patchbay {
namespace {

constexpr size_t kKeptChains = 16;

}  // namespace

void ChainCache::Use::RecordSuccess() const {
  if (chain_ != nullptr) plugins_->RecordSuccess(*chain_);
}

absl::StatusOr<std::vector<std::string>> ChainCache::BuildsFor(
    const GenerationRequest& request) const {
  PATCHBAY_ASSIGN_OR_RETURN(const ResolvedPlugins resolved,
                            plugins_->Resolve({.choices = request.plugins, .left_out = {}}));
  std::vector<std::string> builds;
  for (const ChosenPlugin& plugin : resolved.plugins) builds.push_back(plugin.build);
  return builds;
}

bool ChainCache::Offers(const std::string& id) const {
  return plugins_ != nullptr && plugins_->Find(id).ok();
}

absl::StatusOr<ChainCache::Use> ChainCache::ChainFor(const GenerationRequest& request,
                                                     const LoadedModel& model) {
  if (request.plugins.empty()) return Use();
  if (plugins_ == nullptr) {
    return absl::FailedPreconditionError(
        "plugins were asked for, and there is no folder of plugins");
  }
  PATCHBAY_ASSIGN_OR_RETURN(std::vector<std::string> builds, BuildsFor(request));
  // Before they are read: a file that changes meanwhile is another one for the next job.
  PATCHBAY_ASSIGN_OR_RETURN(std::vector<std::string> files,
                            plugins_->FileIdentities(request.plugins, request.plugin_files));
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.builds == builds && entry.files == files && entry.plugins == request.plugins &&
           entry.in_given_order == request.plugins_in_given_order;
  });
  if (found != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, found);
    return Use(found->chain, *plugins_);
  }
  const ModelWeightSource weights(model);
  PATCHBAY_ASSIGN_OR_RETURN(std::shared_ptr<const Chain> chain,
                            plugins_->BuildChain(request.plugins, request.plugins_in_given_order,
                                                 {model.unet->sites(), InfoOf(model).info(),
                                                  &weights, "", request.plugin_files}));
  entries_.push_front({request.plugins, request.plugins_in_given_order, std::move(builds),
                       std::move(files), chain});
  if (entries_.size() > kKeptChains) entries_.pop_back();
  return Use(std::move(chain), *plugins_);
}

absl::StatusOr<ChainCache::Use> ChainCache::ChainForAction(const GenerationRequest& request,
                                                           const std::string& action,
                                                           const LoadedModel& model,
                                                           const ModelInfo& info) {
  if (plugins_ == nullptr) return absl::FailedPreconditionError("there is no folder of plugins");
  const ModelWeightSource weights(model);
  PATCHBAY_ASSIGN_OR_RETURN(std::shared_ptr<const Chain> chain,
                            plugins_->BuildChain(request.plugins, /*is_explicit=*/false,
                                                 {model.unet->sites(), info.info(), &weights,
                                                  action, request.plugin_files}));
  return Use(std::move(chain), *plugins_);
}

void ChainCache::ForgetStandIns(const Use& used) {
  const size_t forgotten = entries_.remove_if([&used](const Entry& entry) {
    return entry.chain.get() != used.chain() && !entry.chain->released().empty();
  });
  if (forgotten == 0) return;
  Settle();
  ReturnFreedMemory();
}

void ChainCache::Settle() {
  if (plugins_ != nullptr) plugins_->Settle();
}

const ModelInfo& ChainCache::InfoOf(const LoadedModel& model) {
  if (info_ == nullptr) info_ = std::make_unique<const ModelInfo>(model);
  return *info_;
}

void ChainCache::Clear() {
  entries_.clear();
  // What chains refer to goes only after they have gone on the control thread.
  Settle();
  info_ = nullptr;
}

}  // namespace patchbay
