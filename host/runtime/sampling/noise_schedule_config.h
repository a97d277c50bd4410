#ifndef PATCHBAY_HOST_RUNTIME_SAMPLING_NOISE_SCHEDULE_CONFIG_H_
#define PATCHBAY_HOST_RUNTIME_SAMPLING_NOISE_SCHEDULE_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace patchbay {

// What the network was trained to give.
enum class PredictionType { kEpsilon, kVPrediction, kSample };

// diffusers' scheduler_config.json: how the model was trained, and its own way of sampling.
struct NoiseScheduleConfig {
  std::string class_name;  // "PNDMScheduler" ...
  int64_t train_timesteps = 1000;
  double beta_start = 0.00085;
  double beta_end = 0.012;
  std::string beta_schedule = "scaled_linear";  // or "linear", "squaredcos_cap_v2"
  PredictionType prediction_type = PredictionType::kEpsilon;
  // In place of the three above when not empty, one for each timestep.
  std::vector<double> trained_betas;
  bool rescale_betas_zero_snr = false;

  std::string timestep_spacing;  // empty: each sampler's own default
  int64_t steps_offset = 0;
  std::optional<bool> set_alpha_to_one;  // absent: each sampler's own default
  std::string own_schedule;        // "karras", "exponential" or "beta"; empty: by timestep_spacing
  bool ends_at_sigma_min = false;  // final_sigmas_type "sigma_min" instead of "zero"
  // Clean latents are cut off at this size (clip_sample); 0: never.
  double clip_range = 0;
  // What decides between samplers of one scheduler class.
  std::string algorithm_type = "dpmsolver++";
  std::string solver_type;
  int64_t solver_order = 2;
  // LCMScheduler
  int64_t original_inference_steps = 50;
  double timestep_scaling = 10;

  // EDM models (arXiv:2206.00364): continuous levels, preconditioning with sigma_data.
  bool edm = false;
  double sigma_min = 0.002;
  double sigma_max = 80;
  double sigma_data = 0.5;

  // Entries that are set to something and not understood.
  std::vector<std::string> warnings;
};

// INVALID_ARGUMENT names the file (scheduler/scheduler_config.json) and the entry that is malformed
// or asks for something that this program has no code for.
absl::StatusOr<NoiseScheduleConfig> ParseNoiseScheduleConfig(std::string_view json);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_SAMPLING_NOISE_SCHEDULE_CONFIG_H_
