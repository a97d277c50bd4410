#ifndef PATCHBAY_HOST_RUNTIME_AUTOENCODER_AUTOENCODER_H_
#define PATCHBAY_HOST_RUNTIME_AUTOENCODER_AUTOENCODER_H_

#include <ATen/ATen.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "host/runtime/autoencoder/autoencoder_network.h"
#include "host/runtime/autoencoder/tiling.h"
#include "host/runtime/checkpoint/autoencoder_config.h"
#include "host/runtime/checkpoint/weight_reader.h"

namespace patchbay {

// How one call is carried out.
struct AutoencoderOptions {
  TilingOptions tiling;
  // Receives sentences for the user: that a result was computed once more in another way, or that
  // it is not finite. Not owned; may be nullptr.
  std::vector<std::string>* warnings = nullptr;
  // Asked between the network's blocks and between tiles; true ends the call, and its result is an
  // undefined tensor. Empty: never asked.
  CancellationCheck is_cancelled;
};

// The variational autoencoder between pictures and latents (arXiv:2112.10752, section 3.1):
// diffusers' AutoencoderKL. Depth and widths come from the stored tensors. Latents here are the
// denoiser's: scaled, and shifted where the model asks for it. Any thread may call.
//
// Large pictures are worked on in tiles, see TilingOptions. A result that is not finite in fp16 is
// computed again in fp32, with weights that are read for the purpose and kept from then on. Both
// depend on the arguments only, so equal calls give equal results; running out of memory is the one
// exception. LibTorch's exceptions pass through.
class Autoencoder {
 public:
  // INVALID_ARGUMENT names tensors that are missing, superfluous or misshapen. In fp16 the stored
  // weights stay referenced (see WeightMap: mapped, not copied), and the reader must not adjust
  // them, since they may be read again.
  static absl::StatusOr<std::unique_ptr<const Autoencoder>> Load(WeightReader& weights,
                                                                 const AutoencoderConfig& config);

  // Pixels per latent unit along one side.
  int64_t scale() const { return network_.scale(); }
  int64_t latent_channels() const { return config_.latent_channels; }

  // pictures: [B, 3, H, W] in -1..1, H and W multiples of scale(). noise: [B, C, H / scale, W /
  // scale] to sample the posterior with, or undefined for its mean. Returns latents in fp32;
  // undefined when options.is_cancelled ended the call.
  at::Tensor Encode(const at::Tensor& pictures, const at::Tensor& noise,
                    const AutoencoderOptions& options = {}) const;

  // latents: [B, C, h, w]. Returns [B, 3, h * scale, w * scale] in fp32, mostly in -1..1; undefined
  // when options.is_cancelled ended the call.
  at::Tensor Decode(const at::Tensor& latents, const AutoencoderOptions& options = {}) const;

 private:
  // One direction of the network.
  struct Direction {
    const char* name;  // for warnings: "decoding"
    at::Tensor (AutoencoderNetwork::*run)(const at::Tensor&, const CancellationCheck&) const;
    int64_t (AutoencoderNetwork::*bytes)(int64_t pixels) const;
    TileScale scale;
    int64_t pixels;  // of one picture
  };

  Autoencoder(WeightReader& weights, const AutoencoderConfig& config);
  at::Tensor Scaled(const at::Tensor& z) const;
  at::Tensor Unscaled(const at::Tensor& latents) const;
  at::Tensor RunFinite(const Direction& direction, const at::Tensor& input,
                       const AutoencoderOptions& options) const;
  at::Tensor Run(const AutoencoderNetwork& network, const Direction& direction,
                 const at::Tensor& input, const AutoencoderOptions& options) const;
  const AutoencoderNetwork& FullPrecisionNetwork() const;

  AutoencoderConfig config_;
  at::ScalarType precision_;
  at::Device device_;
  AutoencoderNetwork network_;
  // What the fp32 network is made from; empty unless precision_ is fp16.
  WeightMap weights_;
  mutable std::once_flag full_precision_made_;
  mutable std::unique_ptr<const AutoencoderNetwork> full_precision_network_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_AUTOENCODER_AUTOENCODER_H_
