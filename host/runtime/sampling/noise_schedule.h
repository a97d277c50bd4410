#ifndef PATCHBAY_HOST_RUNTIME_SAMPLING_NOISE_SCHEDULE_H_
#define PATCHBAY_HOST_RUNTIME_SAMPLING_NOISE_SCHEDULE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace patchbay {

// What the network was trained to give.
enum class PredictionType { kEpsilon, kVPrediction, kSample };

// diffusers' scheduler_config.json, as far as it describes the training and the model's own way of
// sampling.
struct NoiseScheduleConfig {
  std::string class_name;  // "PNDMScheduler" ...
  int64_t train_timesteps = 1000;
  double beta_start = 0.00085;
  double beta_end = 0.012;
  std::string beta_schedule = "scaled_linear";  // or "linear", "squaredcos_cap_v2"
  PredictionType prediction_type = PredictionType::kEpsilon;
  std::string timestep_spacing;  // empty: each sampler's own default
  int64_t steps_offset = 0;
  bool set_alpha_to_one = true;
  bool rescale_betas_zero_snr = false;
};

// INVALID_ARGUMENT names the entry that is malformed or asks for something unknown.
absl::StatusOr<NoiseScheduleConfig> ParseNoiseScheduleConfig(std::string_view json);

// The noise levels that a model was trained on. sigma is the noise's standard deviation beside a
// picture of unit scale: sigma^2 = (1 - alpha) / alpha with alpha the cumulative product of 1 -
// beta (arXiv:2206.00364, appendix C). Immutable.
class NoiseSchedule {
 public:
  explicit NoiseSchedule(const NoiseScheduleConfig& config);

  const NoiseScheduleConfig& config() const { return config_; }
  // By timestep, ascending.
  const std::vector<double>& sigmas() const { return sigmas_; }
  double alpha_cumprod(int64_t timestep) const {
    return alphas_cumprod_[static_cast<size_t>(timestep)];
  }

  // Linear interpolation of sigma between timesteps.
  double SigmaAt(double timestep) const;

 private:
  NoiseScheduleConfig config_;
  std::vector<double> alphas_cumprod_;
  std::vector<double> sigmas_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_SAMPLING_NOISE_SCHEDULE_H_
