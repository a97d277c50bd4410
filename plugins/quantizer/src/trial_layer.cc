#include "trial_layer.h"

#include "fake_quantization.h"

namespace quantizer {
namespace {

LayerScheme WithBits(LayerScheme scheme, int bits) {
  scheme.weight_bits = bits;
  return scheme;
}

// In fp32.
at::Tensor Product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                   const std::optional<Geometry>& geometry) {
  if (!geometry) return at::linear(x, weight, bias);
  return at::conv2d(x, weight, bias, geometry->stride, geometry->padding, geometry->dilation);
}

}  // namespace

TrialLayer::TrialLayer(const at::Tensor& weight, const at::Tensor& bias, const LayerScheme& base)
    : split_(base.skip_split),
      bias_(bias.defined() ? bias.to(at::kFloat) : bias),
      eight_(weight, bias, WithBits(base, 8)),
      four_(weight, bias, WithBits(base, 4)) {}

at::Tensor TrialLayer::WithQuantizedWeight(const at::Tensor& x,
                                           const std::optional<Geometry>& geometry,
                                           int bits) const {
  return Product(x.to(at::kFloat), At(bits).Weight(), bias_, geometry).to(x.scalar_type());
}

at::Tensor TrialLayer::WithQuantizedInput(const at::Tensor& x, const at::Tensor& y,
                                          const std::optional<Geometry>& geometry, int bits) const {
  const at::Tensor exact = x.to(at::kFloat);
  const auto quantized = [bits](const at::Tensor& part) {
    return QuantizeAsymmetric(part, bits).Numbers();
  };
  const at::Tensor given =
      split_ == 0 ? quantized(exact)
                  : at::cat({quantized(exact.narrow(1, 0, split_)),
                             quantized(exact.narrow(1, split_, exact.size(1) - split_))},
                            1);
  const at::Tensor change = Product(given - exact, eight_.Weight(), {}, geometry);
  return (y.to(at::kFloat) + change).to(x.scalar_type());
}

at::Tensor TrialLayer::Quantized(const at::Tensor& x, const std::optional<Geometry>& geometry,
                                 int bits) const {
  return geometry ? At(bits).Forward(x, *geometry) : At(bits).Forward(x);
}

}  // namespace quantizer
