#ifndef PATCHBAY_HOST_RUNTIME_SAMPLING_NOISE_SCHEDULE_H_
#define PATCHBAY_HOST_RUNTIME_SAMPLING_NOISE_SCHEDULE_H_

#include <vector>

#include "host/runtime/sampling/noise_schedule_config.h"

namespace patchbay {

// The noise levels that a model was trained on. sigma is the noise's standard deviation beside a
// picture of unit scale: sigma^2 = (1 - alpha) / alpha with alpha the cumulative product of 1 -
// beta (arXiv:2206.00364, appendix C). For EDM models, which have no discrete levels, the table
// holds as many values between their limits, evenly spaced in log(sigma). Immutable.
class NoiseSchedule {
 public:
  explicit NoiseSchedule(const NoiseScheduleConfig& config);

  const NoiseScheduleConfig& config() const { return config_; }
  // By timestep, ascending.
  const std::vector<double>& sigmas() const { return sigmas_; }
  double sigma_min() const { return sigmas_.front(); }
  double sigma_max() const { return sigmas_.back(); }

  // Between timesteps sigma is interpolated linearly, as diffusers does, or its logarithm is, as
  // k-diffusion does. Timesteps outside the table are moved to its ends.
  double SigmaAt(double timestep) const;
  double LogInterpolatedSigmaAt(double timestep) const;

  // What the network is told for a level: the inverse of LogInterpolatedSigmaAt(), or log(sigma) /
  // 4 for EDM models (arXiv:2206.00364, table 1).
  double TimestepOf(double sigma) const;
  // The timestep whose log(sigma) is nearest, as ComfyUI has it; EDM models as above.
  double NearestTimestepOf(double sigma) const;

 private:
  float LogSigma(size_t timestep) const;
  size_t IndexBelow(double sigma) const;

  NoiseScheduleConfig config_;
  std::vector<double> sigmas_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_SAMPLING_NOISE_SCHEDULE_H_
