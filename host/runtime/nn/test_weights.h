// Weights made up on the spot, for the tests of modules.

#ifndef PATCHBAY_HOST_RUNTIME_NN_TEST_WEIGHTS_H_
#define PATCHBAY_HOST_RUNTIME_NN_TEST_WEIGHTS_H_

#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <utility>

#include "host/runtime/checkpoint/weight_reader.h"
#include "host/runtime/nn/module_scope.h"

namespace patchbay {

class TestWeights {
 public:
  explicit TestWeights(at::ScalarType precision) : precision_(precision), sites_("unet") {}

  // Adds normally distributed values, which come back as the module will see them.
  at::Tensor Add(const std::string& name, at::IntArrayRef shape, double scale = 1.0) {
    const at::Tensor values = (at::randn(shape) * scale).to(precision_);
    map_[name].tensor = values;
    return values;
  }

  // Call after the last Add.
  ModuleScope scope() {
    if (!reader_) {
      reader_ = std::make_unique<WeightReader>("the test", map_, precision_, at::kCPU);
    }
    return ModuleScope(*reader_, sites_);
  }

  size_t sites() const { return sites_.sites().size(); }

 private:
  at::ScalarType precision_;
  WeightMap map_;
  SiteTable sites_;
  std::unique_ptr<WeightReader> reader_;
};

// Largest difference, relative to the largest exact value.
inline double RelativeError(const at::Tensor& actual, const at::Tensor& exact) {
  const at::Tensor wanted = exact.to(at::kDouble);
  const double largest = wanted.abs().max().item<double>();
  return (actual.to(at::kDouble) - wanted).abs().max().item<double>() / (largest + 1e-30);
}

// How far from the exact result an operator may be: about as far as LibTorch's plain one. Half a
// rounding step of bf16 is 2^-9 = 0.002.
inline double AllowedError(const at::Tensor& plain, const at::Tensor& exact) {
  const double rounding = plain.scalar_type() == at::kBFloat16 ? 2e-3 : 1e-6;
  return 1.5 * RelativeError(plain, exact) + rounding;
}

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_NN_TEST_WEIGHTS_H_
