#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_START_PICTURE_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_START_PICTURE_H_

#include <ATen/ATen.h>

#include "absl/status/statusor.h"
#include "host/runtime/autoencoder/autoencoder.h"
#include "host/runtime/pipeline/generation_request.h"
#include "host/runtime/pipeline/loaded_model.h"
#include "host/runtime/sampling/noise_source.h"

namespace patchbay {

// What a job starts from besides noise: a picture, and which part of it is painted anew. All
// tensors fp32 on the CPU; undefined where the request has none.
struct StartPicture {
  at::Tensor latent;  // [1 or B, C, h, w]; undefined also where the pass starts from noise alone
  at::Tensor
      mask;  // [1, 1, h, w], 1 where it is painted anew; between 0 and 1 in ComfyUI's profile
  at::Tensor masked;  // [1, 3, H, W], the picture with that part blank; undefined for latents
  bool has_mask() const { return mask.defined(); }
};

// Takes the request's latent, or scales its picture and mask to `size` and encodes the picture. The
// posterior is sampled with the job's noise where the profile's origin does so (diffusers), else
// its mean is taken. CANCELLED as soon as `is_cancelled` says so.
absl::StatusOr<StartPicture> ReadStartPicture(const GenerationRequest& request,
                                              const PictureSize& size, const LoadedModel& model,
                                              NoiseSource& noise,
                                              const CancellationCheck& is_cancelled);

// Whether the U-Net was trained for inpainting: it takes [latent, mask, masked picture].
bool TakesMask(const LoadedModel& model);

// The input channels that inpainting models have more than others: [1, 1 + C, h, w]. Without a
// picture everything is painted. CANCELLED as soon as `is_cancelled` says so.
absl::StatusOr<at::Tensor> InpaintingChannels(const GenerationRequest& request,
                                              const StartPicture& start, const PictureSize& size,
                                              const Autoencoder& autoencoder, NoiseSource& noise,
                                              const CancellationCheck& is_cancelled);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_START_PICTURE_H_
