#ifndef PATCHBAY_HOST_RUNTIME_CHECKPOINT_AUTOENCODER_CONFIG_H_
#define PATCHBAY_HOST_RUNTIME_CHECKPOINT_AUTOENCODER_CONFIG_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "host/runtime/checkpoint/weight_map.h"

namespace patchbay {

// What an autoencoder's stored tensors cannot tell. Whether it has quantisation convolutions and
// attention in its middle follows from names. Terms: AutoencoderKL of diffusers.
struct AutoencoderConfig {
  int64_t latent_channels = 4;
  int64_t norm_groups = 32;
  // The denoiser's latent is (z - shift_factor) * scaling_factor; with mean and std, one for each
  // latent channel, it is (z - mean) * scaling_factor / std instead.
  double scaling_factor = 0.18215;
  double shift_factor = 0;
  std::vector<double> latents_mean;
  std::vector<double> latents_std;
  // Overflows fp16 (SDXL): run it in bf16 or fp32.
  bool force_upcast = false;
};

// Reads vae/config.json. INVALID_ARGUMENT names `file` and the entry when the text is malformed or
// asks for mathematics that this program does not have. Entries that are not understood and are set
// to something are added to `warnings`.
absl::StatusOr<AutoencoderConfig> ParseAutoencoderConfig(std::string_view json,
                                                         std::string_view file,
                                                         std::vector<std::string>& warnings);

// From the shapes of an autoencoder under diffusers names: the latent channels; the rest is the
// default, that of Stable Diffusion 1 and 2.
AutoencoderConfig DeriveAutoencoderConfig(const WeightMap& autoencoder);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_CHECKPOINT_AUTOENCODER_CONFIG_H_
