#ifndef PATCHBAY_HOST_VALIDATOR_TRIAL_H_
#define PATCHBAY_HOST_VALIDATOR_TRIAL_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/plugins/chain.h"
#include "host/runtime/pipeline/chosen_plugin.h"
#include "host/runtime/pipeline/loaded_model.h"
#include "host/runtime/pipeline/model_info.h"
#include "host/runtime/pipeline/model_weight_source.h"
#include "host/validator/check.h"

namespace patchbay {

// The plugin loaded into this process, and the tiny model to hang it on.
class Trial {
 public:
  // family: of the tiny model; without, the first that the plugin is for.
  static absl::StatusOr<std::unique_ptr<Trial>> Open(
      const Subject& subject, Place& place, at::ScalarType precision = at::kFloat,
      std::optional<ModelFamily> family = std::nullopt);

  // A chain of this plugin alone, with the subject's own settings, in which files are paths.
  absl::StatusOr<std::shared_ptr<const Chain>> Attach();
  // With others, which name `files`.
  absl::StatusOr<std::shared_ptr<const Chain>> Attach(const PluginSettings& settings,
                                                      const std::vector<PluginFile>& files = {});

  const LoadedModel& model() const { return *model_; }
  const ModelInfo& info() const { return info_; }
  const PluginLibrary& library() const { return *library_; }
  const std::shared_ptr<const PluginLibrary>& shared_library() const { return library_; }
  SharedObjects& shared_objects() { return shared_; }
  HookMonitor& monitor() { return monitor_; }
  // Of the denoiser's sites, by index.
  std::vector<std::string> site_names() const;
  Place& place() { return place_; }

 private:
  Trial(std::shared_ptr<const PluginLibrary> library, std::unique_ptr<const LoadedModel> model,
        std::string settings, Place& place);

  std::shared_ptr<const PluginLibrary> library_;
  std::unique_ptr<const LoadedModel> model_;
  ModelWeightSource weights_{*model_};
  ModelInfo info_;
  HookMonitor monitor_;
  SharedObjects shared_;
  std::string settings_;
  Place& place_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_VALIDATOR_TRIAL_H_
