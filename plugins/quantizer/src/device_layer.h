#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_DEVICE_LAYER_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_DEVICE_LAYER_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "quantized_layer.h"

namespace quantizer {

// A quantised layer for devices that this plugin has no kernels for, in LibTorch's own operators:
// linear layers multiply integers of 8 bits (_int_mm), with a range for each token or a calibrated
// one; convolutions, which LibTorch multiplies in floating point only, and layers without integer
// products make numbers of their integers at each call. Immutable; any thread may call it.
class DeviceLayer {
 public:
  // stored: the parts of a layer that was quantised by this scheme. bias: [out] or undefined;
  // kernel: 0 for linear layers.
  DeviceLayer(const std::vector<StoredWeight>& stored, int64_t kernel, const at::Tensor& bias,
              const LayerScheme& scheme, at::Device device);

  // As QuantizedLayer's, but for numbers that are not finite: they stay so.
  at::Tensor Forward(const at::Tensor& x) const;
  at::Tensor Forward(const at::Tensor& x, const Geometry& geometry) const;
  // All memory that it holds.
  size_t bytes() const;

 private:
  struct Part {
    int64_t inputs = 0;
    bool rotated = false;
    at::Tensor integers;   // int8 [out, taps, in], or uint8 with two of 4 bits in a byte
    at::Tensor steps;      // [out, 1, 1]
    at::Tensor multiples;  // int8 [out, taps, groups]; 4 bits
    at::Tensor sums;       // fp32 [out], of linear layers
  };

  // int8 [out, taps, in], times their multiples.
  at::Tensor Integers(const Part& part) const;
  // The weight in the type of the computation.
  at::Tensor Weight(at::ScalarType type) const;
  at::Tensor IntegerProduct(const at::Tensor& rows) const;

  LayerScheme scheme_;
  int64_t kernel_;
  at::Tensor bias_;
  at::Tensor rotation_;  // [64, 64] where a part is rotated
  std::vector<Part> parts_;
};

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_DEVICE_LAYER_H_
