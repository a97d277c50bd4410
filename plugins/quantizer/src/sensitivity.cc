#include "sensitivity.h"

#include <algorithm>
#include <cmath>

namespace quantizer {

void NoiseMeter::Add(const at::Tensor& exact, const at::Tensor& quantized) {
  TORCH_CHECK(exact.sizes() == quantized.sizes(), "results of sizes ", exact.sizes(), " and ",
              quantized.sizes(), " cannot be compared");
  const at::Tensor signal = exact.to(at::kDouble);
  signal_ += signal.square().sum().item<double>();
  noise_ += (quantized.to(at::kDouble) - signal).square().sum().item<double>();
}

double NoiseMeter::Decibels() const { return 10 * std::log10(signal_ / noise_); }

double StructuralSimilarity(const at::Tensor& exact, const at::Tensor& quantized, int64_t window) {
  TORCH_CHECK(exact.dim() == 4 && exact.sizes() == quantized.sizes(), "pictures of sizes ",
              exact.sizes(), " and ", quantized.sizes(), " cannot be compared");
  constexpr double kSpan = 2.0;  // of -1..1
  constexpr double kLuminance = (0.01 * kSpan) * (0.01 * kSpan);
  constexpr double kContrast = (0.03 * kSpan) * (0.03 * kSpan);
  int64_t side = std::min({window, exact.size(2), exact.size(3)});
  side -= side % 2 == 0 ? 1 : 0;
  TORCH_CHECK(side >= 3, "a picture of size ", exact.sizes(), " has no window to compare in");
  const at::Tensor x = exact.to(at::kDouble);
  const at::Tensor y = quantized.to(at::kDouble);
  const auto mean = [side](const at::Tensor& values) {
    return at::avg_pool2d(values, {side, side}, {1, 1});
  };
  const auto samples = static_cast<double>(side * side);
  const double unbiased = samples / (samples - 1);
  const at::Tensor mean_x = mean(x);
  const at::Tensor mean_y = mean(y);
  const at::Tensor variance_x = unbiased * (mean(x * x) - mean_x * mean_x);
  const at::Tensor variance_y = unbiased * (mean(y * y) - mean_y * mean_y);
  const at::Tensor covariance = unbiased * (mean(x * y) - mean_x * mean_y);
  const at::Tensor similarity =
      (2 * mean_x * mean_y + kLuminance) * (2 * covariance + kContrast) /
      ((mean_x.square() + mean_y.square() + kLuminance) * (variance_x + variance_y + kContrast));
  return similarity.mean().item<double>();
}

LayerClass ClassOf(const std::string& diffusers_name) {
  const bool is_content = diffusers_name.find(".ff.") != std::string::npos ||
                          diffusers_name.find(".attn2.") != std::string::npos;
  return is_content ? LayerClass::kContent : LayerClass::kQuality;
}

}  // namespace quantizer
