#include "host/runtime/sampling/noise_schedule_config.h"

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

constexpr int64_t kMaxTrainTimesteps = 100'000;

absl::StatusOr<PredictionType> ParsePredictionType(const std::string& name) {
  if (name == "epsilon") return PredictionType::kEpsilon;
  if (name == "v_prediction") return PredictionType::kVPrediction;
  if (name == "sample") return PredictionType::kSample;
  return absl::InvalidArgumentError(
      absl::StrCat("the scheduler's prediction_type \"", name,
                   "\" is unknown; it must be epsilon, v_prediction or sample"));
}

absl::Status CheckConfig(const NoiseScheduleConfig& config) {
  if (config.train_timesteps < 2 || config.train_timesteps > kMaxTrainTimesteps) {
    return absl::InvalidArgumentError(
        absl::StrCat("the scheduler's num_train_timesteps is ", config.train_timesteps,
                     "; it must be between 2 and ", kMaxTrainTimesteps));
  }
  if (config.edm) {
    if (config.sigma_min > 0 && config.sigma_min < config.sigma_max && config.sigma_data > 0) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(absl::StrCat(
        "the scheduler's sigmas run from ", config.sigma_min, " to ", config.sigma_max,
        " with sigma_data ", config.sigma_data, "; all must be above 0, and ascending"));
  }
  if (config.beta_schedule != "scaled_linear" && config.beta_schedule != "linear" &&
      config.beta_schedule != "squaredcos_cap_v2") {
    return absl::InvalidArgumentError(
        absl::StrCat("the scheduler's beta_schedule \"", config.beta_schedule,
                     "\" is unknown; it must be scaled_linear, linear or squaredcos_cap_v2"));
  }
  if (!(config.beta_start > 0 && config.beta_start <= config.beta_end && config.beta_end < 1)) {
    return absl::InvalidArgumentError(absl::StrCat("the scheduler's betas run from ",
                                                   config.beta_start, " to ", config.beta_end,
                                                   "; they must rise within 0..1"));
  }
  return absl::OkStatus();
}

absl::StatusOr<NoiseScheduleConfig> Read(const nlohmann::json& json) {
  NoiseScheduleConfig config;
  const auto read = [&json](const char* key, auto& field) {
    const auto found = json.find(key);
    if (found != json.end() && !found->is_null()) found->get_to(field);
  };
  std::string prediction_type = "epsilon", final_sigmas_type;
  read("_class_name", config.class_name);
  config.edm = absl::StartsWith(config.class_name, "EDM");
  read("num_train_timesteps", config.train_timesteps);
  read("beta_start", config.beta_start);
  read("beta_end", config.beta_end);
  read("beta_schedule", config.beta_schedule);
  read("prediction_type", prediction_type);
  read("rescale_betas_zero_snr", config.rescale_betas_zero_snr);
  read("timestep_spacing", config.timestep_spacing);
  read("steps_offset", config.steps_offset);
  if (json.contains("set_alpha_to_one")) {
    bool value = true;
    read("set_alpha_to_one", value);
    config.set_alpha_to_one = value;
  }
  read("final_sigmas_type", final_sigmas_type);
  config.ends_at_sigma_min = final_sigmas_type == "sigma_min";
  read("algorithm_type", config.algorithm_type);
  read("solver_type", config.solver_type);
  read("solver_order", config.solver_order);
  read("original_inference_steps", config.original_inference_steps);
  read("timestep_scaling", config.timestep_scaling);
  if (config.edm) {
    read("sigma_min", config.sigma_min);
    read("sigma_max", config.sigma_max);
    read("sigma_data", config.sigma_data);
    config.own_schedule = "karras";
    read("sigma_schedule", config.own_schedule);
  }
  for (const char* name : {"karras", "exponential", "beta"}) {
    bool used = false;
    read(absl::StrCat("use_", name, "_sigmas").c_str(), used);
    if (used) config.own_schedule = name;
  }
  bool clip_sample = false;
  read("clip_sample", clip_sample);
  if (clip_sample) {
    config.clip_range = 1;
    read("clip_sample_range", config.clip_range);
  }
  PATCHBAY_ASSIGN_OR_RETURN(config.prediction_type, ParsePredictionType(prediction_type));
  return config;
}

}  // namespace

absl::StatusOr<NoiseScheduleConfig> ParseNoiseScheduleConfig(std::string_view text) {
  NoiseScheduleConfig config;
  try {
    PATCHBAY_ASSIGN_OR_RETURN(config, Read(nlohmann::json::parse(text)));
  } catch (const nlohmann::json::exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("the scheduler's configuration cannot be read: ", error.what()));
  }
  PATCHBAY_RETURN_IF_ERROR(CheckConfig(config));
  return config;
}

}  // namespace patchbay
