#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_GENERATION_JOB_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_GENERATION_JOB_H_

#include <ATen/ATen.h>

#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "host/runtime/pipeline/pipeline.h"
#include "host/runtime/pipeline/sampling_choice.h"
#include "host/runtime/pipeline/sampling_pass.h"
#include "host/runtime/pipeline/text_services.h"
#include "host/runtime/sampling/noise_source.h"

namespace patchbay {

// The work behind GeneratePictures: one request on its way from prompt to pictures.
class GenerationJob {
 public:
  GenerationJob(const LoadedModel& model, const LoraPatches& loras, const ModelHooks* hooks,
                const GenerationRequest& request, const ResolvedPrompts& prompts,
                GenerationObserver& observer);

  absl::StatusOr<GenerationResult> Run();

 private:
  absl::Status EncodeText(int pass, int steps);
  absl::StatusOr<at::Tensor> RunPass(const SamplingPass::Task& task);
  absl::StatusOr<at::Tensor> RunHiresPass(const at::Tensor& latents);
  absl::Status Decode(const at::Tensor& latents, GenerationResult& result);
  absl::Status LayOriginalOver(std::vector<Picture>& pictures) const;
  std::string Infotext(int picture) const;
  uint64_t SeedOf(int picture) const;

  const LoadedModel& model_;
  const LoraPatches& loras_;
  const ModelHooks* hooks_;
  // LoRAs at run time around what the chain puts in place of operators.
  OperatorTable operators_;
  // The last pass; its picture hooks come after decoding.
  std::unique_ptr<SamplingPass> pass_;
  const GenerationRequest& request_;
  const ResolvedPrompts& prompts_;
  GenerationObserver& observer_;
  NoiseSource noise_;
  // For what takes long besides sampling.
  CancellationCheck cancellation_;
  SamplingChoice choice_;
  TextModel text_;
  Conditioning conditioning_;
  std::optional<TextServices> text_services_;  // of the pass
  PictureSize first_size_;                     // of the first pass
  GenerationReport report_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_GENERATION_JOB_H_
