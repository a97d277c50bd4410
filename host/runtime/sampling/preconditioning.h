#ifndef PATCHBAY_HOST_RUNTIME_SAMPLING_PRECONDITIONING_H_
#define PATCHBAY_HOST_RUNTIME_SAMPLING_PRECONDITIONING_H_

#include <ATen/ATen.h>

#include "host/runtime/sampling/noise_schedule_config.h"

namespace patchbay {

// How the network's input and output relate to latents x = clean + sigma * noise
// (arXiv:2206.00364, section 5). Immutable.
class Preconditioning {
 public:
  explicit Preconditioning(const NoiseScheduleConfig& config)
      : edm_(config.edm), type_(config.prediction_type), sigma_data_(config.sigma_data) {}

  // The network sees x times this.
  double InputScale(double sigma) const;

  // The clean latent that an output stands for.
  at::Tensor Denoised(const at::Tensor& x, const at::Tensor& output, double sigma) const;

 private:
  bool edm_;
  PredictionType type_;
  double sigma_data_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_SAMPLING_PRECONDITIONING_H_
