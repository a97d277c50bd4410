#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_SENSITIVITY_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_SENSITIVITY_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <string>

// How much quantising one layer changes what the model gives: MixDQ measures layers that decide the
// picture's content by another metric than those that decide its quality.

namespace quantizer {

// Signal to quantisation noise over all that was added, in decibels: 10 log10(sum exact^2 / sum
// (quantised - exact)^2). Infinite where all is equal. The quality layers' metric, on the network's
// outputs.
class NoiseMeter {
 public:
  // Of the same sizes.
  void Add(const at::Tensor& exact, const at::Tensor& quantized);
  double Decibels() const;

 private:
  double signal_ = 0;
  double noise_ = 0;
};

// Structural similarity of two pictures [B, C, H, W] in -1..1 (Wang et al. 2004), averaged over
// pictures, channels and windows; 1 where both are equal. Windows are uniform, odd, at most
// `window` wide and no wider than the picture; sample covariances, constants 0.01 and 0.03. The
// content layers' metric; wide windows look at layout only.
double StructuralSimilarity(const at::Tensor& exact, const at::Tensor& quantized,
                            int64_t window = 511);

enum class LayerClass { kContent, kQuality };

// By its diffusers name: feed-forward networks and cross-attention decide content.
LayerClass ClassOf(const std::string& diffusers_name);

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_SENSITIVITY_H_
