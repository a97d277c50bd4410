#ifndef PATCHBAY_HOST_RUNTIME_AUTOENCODER_AUTOENCODER_NETWORK_H_
#define PATCHBAY_HOST_RUNTIME_AUTOENCODER_AUTOENCODER_NETWORK_H_

#include <ATen/ATen.h>

#include <optional>
#include <vector>

#include "host/runtime/autoencoder/vae_blocks.h"
#include "host/runtime/checkpoint/autoencoder_config.h"
#include "host/runtime/checkpoint/weight_reader.h"

namespace patchbay {

// The two halves of an autoencoder as stored, in one precision: no latent scaling, no sampling, no
// tiling. Immutable; any thread may call.
class AutoencoderNetwork {
 public:
  // The caller asks weights.Finish() for what was missing.
  AutoencoderNetwork(WeightReader& weights, const AutoencoderConfig& config);

  // Pixels per latent unit along one side.
  int64_t scale() const { return scale_; }

  // pictures: [B, 3, H, W]. Returns the posterior's mean and log variance, [B, 2 C, H / scale,
  // W / scale], in fp32; undefined when cancelled.
  at::Tensor EncodeMoments(const at::Tensor& pictures, const CancellationCheck& is_cancelled) const;
  // z: [B, C, h, w]. Returns [B, 3, h * scale, w * scale] in fp32; undefined when cancelled.
  at::Tensor Decode(const at::Tensor& z, const CancellationCheck& is_cancelled) const;

  // About how many bytes of intermediate results one picture of this many pixels takes at most.
  int64_t EncodingBytes(int64_t pixels) const;
  int64_t DecodingBytes(int64_t pixels) const;

 private:
  struct Half {
    Half(const ModuleScope& scope, const char* levels_name, const AutoencoderConfig& config);
    Convolution conv_in;
    std::vector<VaeLevel> levels;
    VaeMidBlock mid;
    Convolution conv_out;
    GroupNorm norm_out;
  };

  at::Tensor Prepare(const at::Tensor& x) const;

  at::ScalarType precision_;
  at::Device device_;
  SiteTable sites_;
  Half encoder_;
  Half decoder_;
  std::optional<Convolution> quantization_;
  std::optional<Convolution> post_quantization_;
  int64_t scale_ = 1;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_AUTOENCODER_AUTOENCODER_NETWORK_H_
