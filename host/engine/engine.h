#ifndef PATCHBAY_HOST_ENGINE_ENGINE_H_
#define PATCHBAY_HOST_ENGINE_ENGINE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/plugins/action_observer.h"
#include "host/plugins/chain_plan.h"
#include "host/runtime/pipeline/generation_observer.h"
#include "host/runtime/pipeline/generation_request.h"

namespace patchbay {

class PluginHost;

enum class DeviceChoice { kAuto, kCpu, kCuda };
// What the model computes with. Auto: bf16 where the processor or the GPU has it, else fp32; fp16
// is for GPUs only.
enum class PrecisionChoice { kAuto, kFloat32, kBFloat16, kFloat16 };

// How LoRAs act. Merged: in the weights, exact and without cost later, but the weights are read
// again when the set of LoRAs changes. Run time: beside the weights, so that each job can have its
// own; plain low-rank products only. Auto: merged when the weights are about to be read anyway,
// else at run time where that is possible.
enum class LoraApplication { kAuto, kMerged, kRunTime };

struct EngineOptions {
  // A diffusers folder or a single safetensors file.
  std::string model_path;
  // A tokenizer folder in place of the model's own; may be empty.
  std::string tokenizer_folder;
  // A tiny autoencoder (TAESD) that decodes previews; empty: colours only, fitted to the model.
  std::string preview_decoder_file;
  // CLIP's own vocabulary (bpe_simple_vocab_16e6.txt.gz), for checkpoints without a tokenizer.
  std::string vocabulary_file;
  DeviceChoice device = DeviceChoice::kAuto;
  PrecisionChoice precision = PrecisionChoice::kAuto;
  int threads = 0;  // 0: one for each core
  LoraApplication lora_application = LoraApplication::kAuto;
  // Where a request's plugins come from; null: requests cannot name any. Outlives the engine.
  std::shared_ptr<PluginHost> plugins;
};

// Owns one model and draws with it. LibTorch lives behind this interface; its exceptions end here.
// One job at a time.
class Engine {
 public:
  // Opens the checkpoint and checks it; the weights are read when the first job needs them.
  static absl::StatusOr<std::unique_ptr<Engine>> Open(const EngineOptions& options);
  ~Engine();

  // Draws. Errors: INVALID_ARGUMENT for a request that cannot be met (which field, and why),
  // CANCELLED, RESOURCE_EXHAUSTED when memory is short.
  absl::StatusOr<GenerationResult> Generate(const GenerationRequest& request,
                                            GenerationObserver& observer);

  // What Generate would run with: reads weights and attaches the plugins, and draws nothing. Errors
  // as Generate.
  absl::StatusOr<ChainPlan> Plan(const GenerationRequest& request);

  // Runs an action of a plugin on the model: makes the plugin as `plugin` says, attaches it for
  // this alone, and calls the action with its own settings. `files`: those that the settings of
  // both may name, besides the host's. Unlike all else here it may run on a
  // thread of its own beside the others, provided that the observer lets no two of them have the
  // model at a time (ActionObserver::TakeModel). Until it ends, the model's weights stay in memory.
  // Errors: as the plugin says; CANCELLED; INVALID_ARGUMENT for settings that the action does not
  // have.
  absl::Status RunAction(const ChosenPlugin& plugin, const std::string& action,
                         const SettingPairs& settings, const std::vector<PluginFile>& files,
                         ActionObserver& observer);

  // Seconds that reading the weights has taken so far.
  double load_seconds() const;

 private:
  class Model;
  explicit Engine(std::unique_ptr<Model> model);
  std::unique_ptr<Model> model_;
};

// What `patchbay model inspect` and `patchbay model sites` print; as text, or as JSON.
absl::StatusOr<std::string> DescribeModel(const std::string& path, bool json);
absl::StatusOr<std::string> DescribeSites(const std::string& path);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_ENGINE_H_
