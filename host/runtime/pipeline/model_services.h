#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_MODEL_SERVICES_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_MODEL_SERVICES_H_

#include <ATen/ATen.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/runtime/pipeline/chain_in_pass.h"
#include "host/runtime/pipeline/guided_denoiser.h"
#include "host/runtime/pipeline/loaded_model.h"
#include "host/runtime/pipeline/model_info.h"
#include "host/runtime/pipeline/text_services.h"
#include "host/runtime/sampling/preconditioning.h"

namespace patchbay {

// What the hooks of one pass may ask of the model: patchbay_model_functions. One thread.
class ModelServices {
 public:
  // All arguments must outlive the object.
  ModelServices(const LoadedModel& model, const ModelInfo& info, const ModelHooks& hooks);
  ModelServices(const ModelServices&) = delete;
  ModelServices& operator=(const ModelServices&) = delete;

  // What each plugin has, by its place in the chain, before its pass begins.
  std::vector<PluginInPass> plugins();

  // From then on hooks may ask. Both must outlive their use.
  void Serve(GuidedDenoiser& denoiser, const ChainInPass& chain, absl::Span<const uint64_t> seeds);
  // What texts are read by, and where warnings go; `warnings` may be null. Both must outlive their
  // use.
  void ServeText(const TextServices& text, std::vector<std::string>* warnings) {
    text_ = &text;
    warnings_ = warnings;
  }
  // The evaluation of the pass that is under way; prompt editing follows it.
  void SetCall(int64_t call) { call_ = call; }
  // How many steps a plugin has said that the pass will make; 0: none has.
  int64_t announced_steps() const { return announced_steps_; }
  // In actions, whose plugin may change between two questions: nothing is kept from one to the
  // next, and answers carry gradients where the question says so.
  void ServeAction() { serves_action_ = true; }

 private:
  struct PluginSide {
    ModelServices* services;
    const std::string* id;
    std::chrono::nanoseconds host_time{};  // spent on what it asked for
  };
  struct Functions;

  absl::StatusOr<at::Tensor> Denoise(const patchbay_evaluation& evaluation);
  AutoencoderOptions AutoencoderOptionsOfJob() const;
  absl::Status AnnounceSteps(int64_t steps);
  absl::StatusOr<at::Tensor> PhrasePositions(std::string_view phrase) const;
  void Warn(const PluginSide& side, std::string_view text) const;
  absl::Status SetInpainting(const PluginSide& side, const at::Tensor& mask,
                             const at::Tensor& masked_latent);
  absl::StatusOr<at::Tensor> RunRole(const GuidedDenoiser::Request& request,
                                     const patchbay_evaluation& evaluation);

  const LoadedModel& model_;
  const ModelInfo& info_;
  const ModelHooks& hooks_;
  std::vector<PluginSide> sides_;
  Preconditioning preconditioning_;
  GuidedDenoiser* denoiser_ = nullptr;
  CancellationCheck is_cancelled_;  // the picture hook asks when the denoiser is gone
  const TextServices* text_ = nullptr;
  std::vector<std::string>* warnings_ = nullptr;
  const ChainInPass* chain_ = nullptr;
  absl::Span<const uint64_t> seeds_;
  int64_t call_ = 0;
  bool serves_action_ = false;
  int64_t announced_steps_ = 0;
  const std::string* tells_inpainting_ = nullptr;  // the plugin that does in this pass
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_MODEL_SERVICES_H_
