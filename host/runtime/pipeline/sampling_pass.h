#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_SAMPLING_PASS_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_SAMPLING_PASS_H_

#include <ATen/ATen.h>

#include <chrono>
#include <memory>

#include "absl/status/statusor.h"
#include "host/runtime/pipeline/chain_in_pass.h"
#include "host/runtime/pipeline/generation_observer.h"
#include "host/runtime/pipeline/generation_request.h"
#include "host/runtime/pipeline/guided_denoiser.h"
#include "host/runtime/pipeline/loaded_model.h"
#include "host/runtime/pipeline/model_services.h"
#include "host/runtime/pipeline/sampling_choice.h"
#include "host/runtime/pipeline/start_picture.h"
#include "host/runtime/pipeline/text_services.h"
#include "host/runtime/sampling/noise_source.h"
#include "host/runtime/sampling/preconditioning.h"
#include "host/runtime/sampling/sampler.h"

namespace patchbay {

// What SDXL-like models are told of a picture's size; nothing for others.
GuidedDenoiser::Sizes SizesFor(const LoadedModel& model, const PictureSize& size);

// One run of the sampler loop, from noise or from a latent to a latent.
class SamplingPass {
 public:
  struct Task {
    int number = 0;  // 0: the first pass, 1: hires
    PictureSize size;
    int steps = 0;
    // Start from this latent [B, C, h, w] instead of noise alone; undefined for text to image.
    at::Tensor start;
    double strength = 1;
    // Paint only where the start picture's mask says.
    const StartPicture* picture = nullptr;
  };

  // All arguments must outlive the object. hooks: null for none.
  SamplingPass(const LoadedModel& model, const GenerationRequest& request,
               const SamplingChoice& choice, const Conditioning& conditioning,
               const TextServices& text, const OperatorTable& operators, const ModelHooks* hooks,
               GenerationObserver& observer, NoiseSource& noise, GenerationReport& report);

  // Latents [B, C, h, w], fp32, on the CPU. CANCELLED when the observer asks for it, DATA_LOSS when
  // the network gives numbers that are not finite. May throw HookFailure.
  absl::StatusOr<at::Tensor> Run(const Task& task);

  // Pictures [B, 3, H, W] in -1..1 after the chain's picture hooks; after Run() only.
  at::Tensor EditPictures(at::Tensor pictures) const;

 private:
  // The chain in this pass; absent without hooks.
  struct Chain {
    Chain(const SamplingPass& pass, const Task& task, const SamplingPlan& plan);
    static PassDescription Describe(const SamplingPass& pass, const Task& task,
                                    const SamplingPlan& plan);
    std::vector<uint64_t> seeds;
    ModelInfo info;
    ModelServices services;
    ChainInPass hooks;
  };

  void BeginStep(const SamplingPlan& plan, size_t index);
  absl::StatusOr<at::Tensor> Evaluate(GuidedDenoiser& denoiser, const at::Tensor& latent,
                                      double sigma, double timestep);
  absl::StatusOr<at::Tensor> EvaluateHooked(GuidedDenoiser& denoiser, const at::Tensor& latent,
                                            double sigma, double timestep);
  absl::Status AfterStep(const Task& task, const SamplingPlan& plan, size_t step,
                         at::Tensor& latent, size_t& next);
  // Of the pass's latents.
  std::vector<int64_t> Shape(const Task& task) const;
  absl::StatusOr<at::Tensor> FirstLatent(const Task& task, const SamplingPlan& plan);
  absl::StatusOr<at::Tensor> UnitNoise(const Task& task, at::IntArrayRef shape);
  absl::StatusOr<at::Tensor> ExtraChannels(const Task& task) const;
  absl::StatusOr<at::Tensor> RunLoop(const Task& task, const SamplingPlan& plan, at::Tensor x);
  at::Tensor StepNoise(const SamplingPlan& plan, const at::Tensor& x, double sigma,
                       double sigma_next);
  bool HasKnownPart(const Task& task) const;
  static at::Tensor Blended(const Task& task, const at::Tensor& known, const at::Tensor& painted);
  void KeepKnownPart(const Task& task, const SamplingPlan& plan, size_t step, size_t next,
                     at::Tensor& x) const;
  void ReportProgress(const Task& task, const SamplingPlan& plan, int number);
  absl::Status ReportStep(const Task& task, const SamplingPlan& plan, size_t step,
                          const at::Tensor& x);

  const LoadedModel& model_;
  const GenerationRequest& request_;
  const SamplingChoice& choice_;
  const Conditioning& conditioning_;
  const TextServices& text_;
  const OperatorTable& operators_;
  const ModelHooks* hooks_;
  Preconditioning preconditioning_;
  GenerationObserver& observer_;
  NoiseSource& noise_;
  GenerationReport& report_;
  at::Tensor unit_noise_;  // of the pass's start
  at::Tensor extra_channels_;
  at::Tensor denoised_;  // by the last evaluation
  int64_t calls_ = 0;    // of the network by the sampler
  size_t hooked_steps_ = 0;
  PredictionSet last_;  // with a chain that wants predictions: of the last evaluation
  std::unique_ptr<Chain> chain_;
  std::chrono::steady_clock::time_point step_started_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_SAMPLING_PASS_H_
