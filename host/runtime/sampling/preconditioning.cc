#include "host/runtime/sampling/preconditioning.h"

#include <cmath>

namespace patchbay {

double Preconditioning::InputScale(double sigma) const {
  const double data_variance = edm_ ? sigma_data_ * sigma_data_ : 1;
  return 1 / std::sqrt(sigma * sigma + data_variance);
}

at::Tensor Preconditioning::Denoised(const at::Tensor& x, const at::Tensor& output,
                                     double sigma) const {
  if (type_ == PredictionType::kSample) return output;
  const double data_variance = sigma_data_ * sigma_data_;
  if (edm_) {
    const double variance = sigma * sigma + data_variance;
    const double sign = type_ == PredictionType::kVPrediction ? -1 : 1;
    return x * (data_variance / variance) +
           output * (sign * sigma * sigma_data_ / std::sqrt(variance));
  }
  // arXiv:2202.00512, appendix D, in terms of unscaled latents
  if (type_ == PredictionType::kVPrediction) {
    const double variance = sigma * sigma + 1;
    return x / variance - output * (sigma / std::sqrt(variance));
  }
  return x - output * sigma;
}

}  // namespace patchbay
