#ifndef PATCHBAY_HOST_RUNTIME_AUTOENCODER_TINY_AUTOENCODER_H_
#define PATCHBAY_HOST_RUNTIME_AUTOENCODER_TINY_AUTOENCODER_H_

#include <ATen/ATen.h>

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "host/runtime/autoencoder/tiny_layout.h"
#include "host/runtime/checkpoint/weight_reader.h"
#include "host/runtime/nn/convolution.h"

namespace patchbay {

// TAESD (github.com/madebyollin/taesd): convolutions distilled from an autoencoder, about a
// hundredth of its work, for the latents of one model family. diffusers: AutoencoderTiny.

// ReLU(conv(ReLU(conv(ReLU(conv(x))))) + skip(x))
class TinyBlock {
 public:
  // A negative number of channels accepts any.
  TinyBlock(const ModuleScope& scope, int64_t in_channels);
  int64_t out_channels() const { return third_.out_channels(); }
  at::Tensor Forward(const at::Tensor& x) const;

 private:
  Convolution first_;
  Convolution second_;
  Convolution third_;
  std::optional<Convolution> skip_;
};

// One half, encoder or decoder. Depth and widths come from the stored tensors. Immutable; any
// thread may call.
class TinyAutoencoder {
 public:
  // Reads one half from a safetensors file, in diffusers' names or the original's, or from a
  // diffusers folder. INVALID_ARGUMENT names the tensors that are missing, superfluous or
  // misshapen, or says what the file is instead.
  static absl::StatusOr<std::unique_ptr<const TinyAutoencoder>> Open(const std::string& path,
                                                                     TinyHalf half,
                                                                     at::ScalarType precision,
                                                                     at::Device device);

  int64_t latent_channels() const;
  // Pixels per latent unit along one side.
  int64_t scale() const { return scale_; }

  // The encoder: pictures [B, 3, H, W] in -1..1, H and W multiples of scale(), to the denoiser's
  // latents. The decoder: the denoiser's latents [B, C, h, w] to pictures [B, 3, h * scale, w *
  // scale], mostly in -1..1. In fp32.
  at::Tensor Forward(const at::Tensor& x) const;

 private:
  struct Relu {};
  struct Upsample {};
  using Layer = std::variant<Convolution, TinyBlock, Relu, Upsample>;

  TinyAutoencoder(WeightReader& weights, TinyHalf half, const TinyLayout& layout);

  TinyHalf half_;
  at::ScalarType precision_;
  at::Device device_;
  SiteTable sites_;
  std::vector<Layer> layers_;
  int64_t scale_ = 1;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_AUTOENCODER_TINY_AUTOENCODER_H_
