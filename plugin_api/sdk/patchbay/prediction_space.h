#ifndef PATCHBAY_SDK_PREDICTION_SPACE_H_
#define PATCHBAY_SDK_PREDICTION_SPACE_H_

#include <cmath>

#include "patchbay/abi/model.h"
#include "patchbay/tensor_tier.h"

namespace patchbay {

// A network's output y and the clean latent D that it stands for are related by y = (c x + D) / o,
// with x the noisy latent at level sigma: the way between the two spaces (arXiv:2206.00364, section
// 5). at::Tensor tier only.
struct PredictionSpace {
  double of_latent = 0;    // c
  double of_denoised = 1;  // 1 / o

  Tensor from_denoised(const Tensor& latent, const Tensor& denoised) const {
    return (of_latent * latent + denoised) * of_denoised;
  }
  Tensor to_denoised(const Tensor& latent, const Tensor& output) const {
    return output / of_denoised - of_latent * latent;
  }
};

// Noise: y = (x - D) / sigma.
inline PredictionSpace noise_space(double sigma) { return {-1.0, -1.0 / sigma}; }

// Velocity (arXiv:2202.00512, appendix D): D = x / (sigma^2 + 1) - y sigma / sqrt(sigma^2 + 1).
inline PredictionSpace velocity_space(double sigma) {
  const double total = sigma * sigma + 1.0;
  return {-1.0 / total, -std::sqrt(total) / sigma};
}

// What the model's own network gives. EDM models are taken to be at their usual sigma_data of 0.5.
inline PredictionSpace native_space(const patchbay_model_info& model, double sigma) {
  constexpr double kSigmaData = 0.5;
  switch (model.prediction) {
    case PATCHBAY_PREDICTS_VELOCITY:
      return velocity_space(sigma);
    case PATCHBAY_PREDICTS_SAMPLE:
      return {};
    case PATCHBAY_PREDICTS_EDM: {
      const double total = sigma * sigma + kSigmaData * kSigmaData;
      return {-kSigmaData * kSigmaData / total, std::sqrt(total) / (sigma * kSigmaData)};
    }
    default:
      return noise_space(sigma);
  }
}

}  // namespace patchbay

#endif  // PATCHBAY_SDK_PREDICTION_SPACE_H_
