#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_TRIAL_LAYER_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_TRIAL_LAYER_H_

#include <ATen/ATen.h>

#include <optional>

#include "quantized_layer.h"

namespace quantizer {

// A linear layer or convolution of which one part after the other can be quantised, to see what
// that changes. It keeps its weights as integers of 8 and of 4 bits, 0.8 times their bytes in bf16.
// Immutable; any thread may call it.
class TrialLayer {
 public:
  // weight, bias: as QuantizedLayer's. base: rotation, split and products of what it stands for.
  TrialLayer(const at::Tensor& weight, const at::Tensor& bias, const LayerScheme& base);

  // x: the layer's input; geometry: of convolutions. bits: 8 or 4. All results are in x's type.

  // The output with quantised weights and the input as it is, computed in fp32.
  at::Tensor WithQuantizedWeight(const at::Tensor& x, const std::optional<Geometry>& geometry,
                                 int bits) const;
  // The output with the weights as they are and the input quantised with one range for all of it,
  // or for each half at a skip connection. y: the exact output. What quantisation adds to the input
  // goes through the weights of 8 bits, which changes it by about a hundredth.
  at::Tensor WithQuantizedInput(const at::Tensor& x, const at::Tensor& y,
                                const std::optional<Geometry>& geometry, int bits) const;
  // The output as jobs compute it.
  at::Tensor Quantized(const at::Tensor& x, const std::optional<Geometry>& geometry,
                       int bits) const;

 private:
  const QuantizedLayer& At(int bits) const { return bits == 4 ? four_ : eight_; }

  int64_t split_;
  at::Tensor bias_;
  QuantizedLayer eight_;
  QuantizedLayer four_;
};

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_TRIAL_LAYER_H_
