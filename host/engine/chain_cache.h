#ifndef PATCHBAY_HOST_ENGINE_CHAIN_CACHE_H_
#define PATCHBAY_HOST_ENGINE_CHAIN_CACHE_H_

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "host/plugins/chain.h"
#include "host/plugins/plugin_host.h"
#include "host/runtime/pipeline/generation_request.h"
#include "host/runtime/pipeline/loaded_model.h"
#include "host/runtime/pipeline/model_info.h"

namespace patchbay {

// The chains of one model, so that a job with the same plugins as one before need not attach them
// again. One thread.
class ChainCache {
 public:
  // plugins: null when requests cannot name any.
  explicit ChainCache(std::shared_ptr<PluginHost> plugins) : plugins_(std::move(plugins)) {}
  ~ChainCache() { Clear(); }
  ChainCache(const ChainCache&) = delete;
  ChainCache& operator=(const ChainCache&) = delete;

  // A job's hold on its chain: the job sees these builds to its end, whatever is activated
  // meanwhile.
  class Use {
   public:
    Use() = default;
    Use(std::shared_ptr<const Chain> chain, PluginHost& plugins)
        : chain_(std::move(chain)), plugins_(&plugins), counted_(plugins.BeginUse(*chain_)) {}
    // Null without plugins.
    const ModelHooks* hooks() const { return chain_ == nullptr ? nullptr : &chain_->hooks(); }
    // Null without plugins.
    const Chain* chain() const { return chain_.get(); }
    // Operators whose weights the chain does without; none without plugins.
    std::set<SiteIndex> released() const {
      return chain_ == nullptr ? std::set<SiteIndex>() : chain_->released();
    }
    // Bytes that the plugins keep in the place of these weights, by type.
    std::map<std::string, uint64_t> stand_ins() const {
      return chain_ == nullptr ? std::map<std::string, uint64_t>() : chain_->stand_ins();
    }
    // Empty without plugins.
    ChainPlan plan() const { return chain_ == nullptr ? ChainPlan() : chain_->plan(); }
    // The job has ended well.
    void RecordSuccess() const;

   private:
    std::shared_ptr<const Chain> chain_;
    PluginHost* plugins_ = nullptr;
    std::shared_ptr<const void> counted_;
  };

  // Whether requests can name this plugin.
  bool Offers(const std::string& id) const;
  // The model must be the same until the next Clear().
  absl::StatusOr<Use> ChainFor(const GenerationRequest& request, const LoadedModel& model);
  // Of the chains that do without weights only the job's own is kept: what stands in the place of
  // the others' weights would take the memory that is to be saved. Once the job has its weights.
  void ForgetStandIns(const Use& used);
  // A chain for an action of the request's plugin alone, which no job gets. Model and info must
  // outlive it, and a Settle() after it.
  absl::StatusOr<Use> ChainForAction(const GenerationRequest& request, const std::string& action,
                                     const LoadedModel& model, const ModelInfo& info);
  // The files that an action's settings name when the request brings these; only after
  // ChainForAction() has succeeded.
  SettingResources ResourcesFor(const std::vector<PluginFile>& files) const {
    return plugins_->FilesFor(files).Resources();
  }
  // Returns when what was let go of before is gone.
  void Settle();
  // What plugins are told of the model; the same until the next Clear().
  const ModelInfo& InfoOf(const LoadedModel& model);
  // Before the model's weights go.
  void Clear();

 private:
  struct Entry {
    std::vector<ChosenPlugin> plugins;
    bool in_given_order;
    std::vector<std::string> builds;  // by the plugins' place in the request
    std::vector<std::string> files;   // what tells those that settings name from others
    std::shared_ptr<const Chain> chain;
  };
  absl::StatusOr<std::vector<std::string>> BuildsFor(const GenerationRequest& request) const;

  std::shared_ptr<PluginHost> plugins_;
  std::unique_ptr<const ModelInfo> info_;
  std::list<Entry> entries_;  // the latest first
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_CHAIN_CACHE_H_
