#ifndef PATCHBAY_HOST_RUNTIME_AUTOENCODER_AUTOENCODER_H_
#define PATCHBAY_HOST_RUNTIME_AUTOENCODER_AUTOENCODER_H_

#include <ATen/ATen.h>

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "host/runtime/autoencoder/vae_blocks.h"
#include "host/runtime/checkpoint/autoencoder_config.h"
#include "host/runtime/checkpoint/weight_reader.h"

namespace patchbay {

// The variational autoencoder between pictures and latents (arXiv:2112.10752, section 3.1):
// diffusers' AutoencoderKL. Depth and widths come from the stored tensors. Latents here are the
// denoiser's: scaled, and shifted where the model asks for it. Immutable; any thread may call.
class Autoencoder {
 public:
  // INVALID_ARGUMENT names tensors that are missing, superfluous or misshapen.
  static absl::StatusOr<std::unique_ptr<const Autoencoder>> Load(WeightReader& weights,
                                                                 const AutoencoderConfig& config);

  // Pixels per latent unit along one side.
  int64_t scale() const { return scale_; }
  int64_t latent_channels() const { return config_.latent_channels; }

  // pictures: [B, 3, H, W] in -1..1, H and W multiples of scale(). noise: [B, C, H / scale, W /
  // scale] to sample the posterior with, or undefined for its mean. Returns latents in fp32.
  at::Tensor Encode(const at::Tensor& pictures, const at::Tensor& noise) const;

  // latents: [B, C, h, w]. Returns [B, 3, h * scale, w * scale] in fp32, mostly in -1..1.
  at::Tensor Decode(const at::Tensor& latents) const;

 private:
  // One half of the network.
  struct Stack {
    Stack(const ModuleScope& scope, const char* levels_name, const AutoencoderConfig& config);
    Convolution conv_in;
    std::vector<VaeLevel> levels;
    VaeMidBlock mid;
    Convolution conv_out;
    GroupNorm norm_out;
  };

  Autoencoder(WeightReader& weights, const AutoencoderConfig& config);
  at::Tensor Scaled(const at::Tensor& z) const;
  at::Tensor Unscaled(const at::Tensor& latents) const;

  AutoencoderConfig config_;
  at::ScalarType precision_;
  at::Device device_;
  SiteTable sites_;
  Stack encoder_;
  Stack decoder_;
  std::optional<Convolution> quantization_;
  std::optional<Convolution> post_quantization_;
  int64_t scale_ = 1;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_AUTOENCODER_AUTOENCODER_H_
