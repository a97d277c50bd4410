#ifndef PATCHBAY_HOST_RUNTIME_AUTOENCODER_PREVIEW_DECODER_H_
#define PATCHBAY_HOST_RUNTIME_AUTOENCODER_PREVIEW_DECODER_H_

#include <ATen/ATen.h>

#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "host/runtime/autoencoder/autoencoder.h"
#include "host/runtime/autoencoder/tiny_autoencoder.h"

namespace patchbay {

// Turns latents into small pictures that show how a job is getting on, in a fraction of a step's
// time. Immutable; any thread may call.
class PreviewDecoder {
 public:
  // With a tiny autoencoder made for this family of models, see TinyAutoencoder::Open. 8 pixels per
  // latent unit; INVALID_ARGUMENT when it is for latents of another number of channels.
  static absl::StatusOr<std::unique_ptr<const PreviewDecoder>> Open(const std::string& path,
                                                                    int64_t latent_channels,
                                                                    at::ScalarType precision,
                                                                    at::Device device);

  // Without a file: each latent unit becomes one pixel whose colour is an affine function of its
  // channels. The function is fitted by least squares to what the model's own decoder makes of
  // patches of plain colour, so it serves any model. Decodes one picture of 24 x 24 latent units;
  // equal models give equal previews.
  static std::unique_ptr<const PreviewDecoder> Fit(const Autoencoder& autoencoder);
  // The same for any decoder: [1, latent_channels, h, w] to [1, 3, h * k, w * k].
  static std::unique_ptr<const PreviewDecoder> Fit(
      int64_t latent_channels, absl::FunctionRef<at::Tensor(const at::Tensor&)> decode);

  // Pixels per latent unit along one side, before the reduction that Decode speaks of.
  int64_t scale() const { return tiny_ ? tiny_->scale() : 1; }

  // latents: [B, C, h, w], on any device. Returns [B, 3, H, W] in fp32, in -1..1, with the latents'
  // proportions. Latents of more than 64 x 64 units are reduced to about that area before a tiny
  // autoencoder sees them, which keeps the time of a preview constant.
  at::Tensor Decode(const at::Tensor& latents) const;

 private:
  PreviewDecoder() = default;

  std::unique_ptr<const TinyAutoencoder> tiny_;
  // colour = factors_ * (channels, 1): [3, C + 1].
  at::Tensor factors_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_AUTOENCODER_PREVIEW_DECODER_H_
