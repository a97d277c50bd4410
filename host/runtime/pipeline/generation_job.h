#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_GENERATION_JOB_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_GENERATION_JOB_H_

#include <ATen/ATen.h>

#include <string>

#include "absl/status/statusor.h"
#include "host/runtime/pipeline/pipeline.h"

namespace patchbay {

// The work behind GeneratePictures: one request on its way from prompt to pictures.
class GenerationJob {
 public:
  GenerationJob(const LoadedModel& model, const GenerationRequest& request,
                GenerationObserver& observer);

  absl::StatusOr<GenerationResult> Run();

 private:
  // One run of the sampler loop.
  struct Pass {
    int number = 0;
    PictureSize size;
    // Start from this clean latent instead of noise alone; undefined for text to image.
    at::Tensor start;
    double strength = 1;
    int steps = 0;
  };

  absl::Status EncodeText();
  absl::Status ReadStart(Pass& first);
  absl::StatusOr<at::Tensor> RunPass(const Pass& pass);
  absl::StatusOr<at::Tensor> FirstNoise(at::IntArrayRef shape);
  at::Tensor DrawNoise(at::IntArrayRef shape);
  at::Tensor ExtraChannels(const Pass& pass);
  absl::Status Decode(const at::Tensor& latents, GenerationResult& result);

  const LoadedModel& model_;
  const GenerationRequest& request_;
  GenerationObserver& observer_;
  at::Generator generator_;
  std::string sampler_;
  std::string schedule_;
  Conditioning conditioning_;
  at::Tensor picture_;  // [1, 3, H, W], the request's picture
  at::Tensor mask_;     // [1, 1, h, w] in latent units, 1 where it is painted anew
  GenerationReport report_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_GENERATION_JOB_H_
