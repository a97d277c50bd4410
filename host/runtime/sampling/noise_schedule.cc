#include "host/runtime/sampling/noise_schedule.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

constexpr int64_t kMaxTrainTimesteps = 100'000;

// In fp32, operation by operation as diffusers computes it: the last digits of sigma depend on
// that.
at::Tensor Betas(const NoiseScheduleConfig& config) {
  const int64_t count = config.train_timesteps;
  if (config.beta_schedule == "scaled_linear") {
    return at::linspace(std::sqrt(config.beta_start), std::sqrt(config.beta_end), count, at::kFloat)
        .pow(2);
  }
  if (config.beta_schedule == "linear") {
    return at::linspace(config.beta_start, config.beta_end, count, at::kFloat);
  }
  // "squaredcos_cap_v2" (arXiv:2102.09672, equation 17)
  const auto remaining = [](double t) {
    const double cosine = std::cos((t + 0.008) / 1.008 * M_PI / 2);
    return cosine * cosine;
  };
  std::vector<float> betas;
  for (int64_t i = 0; i < count; ++i) {
    const double from = static_cast<double>(i) / static_cast<double>(count);
    const double to = static_cast<double>(i + 1) / static_cast<double>(count);
    betas.push_back(static_cast<float>(std::min(1 - remaining(to) / remaining(from), 0.999)));
  }
  return at::tensor(betas);
}

// The last level becomes pure noise (arXiv:2305.08891, algorithm 1).
at::Tensor RescaledToZeroTerminalSnr(const at::Tensor& betas) {
  at::Tensor root = at::cumprod(1 - betas, 0).sqrt();
  const at::Tensor first = root[0].clone();
  const at::Tensor last = root[-1].clone();
  root = (root - last) * (first / (first - last));
  const at::Tensor product = root.pow(2);
  const at::Tensor alphas =
      at::cat({product.slice(0, 0, 1), product.slice(0, 1) / product.slice(0, 0, -1)});
  return 1 - alphas;
}

// In place of a last alpha of zero, whose sigma would be infinite.
constexpr float kSmallestAlphaCumprod = 0x1p-24f;

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
        absl::StrCat("the scheduler's num_train_timesteps is ", config.train_timesteps));
  }
  if (config.beta_schedule != "scaled_linear" && config.beta_schedule != "linear" &&
      config.beta_schedule != "squaredcos_cap_v2") {
    return absl::InvalidArgumentError(
        absl::StrCat("the scheduler's beta_schedule \"", config.beta_schedule,
                     "\" is unknown; it must be scaled_linear, linear or squaredcos_cap_v2"));
  }
  if (!(config.beta_start > 0 && config.beta_start <= config.beta_end && config.beta_end < 1)) {
    return absl::InvalidArgumentError(absl::StrCat("the scheduler's betas run from ",
                                                   config.beta_start, " to ", config.beta_end));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<NoiseScheduleConfig> ParseNoiseScheduleConfig(std::string_view text) {
  NoiseScheduleConfig config;
  try {
    const nlohmann::json json = nlohmann::json::parse(text);
    const auto read = [&json](const char* key, auto& field) {
      const auto found = json.find(key);
      if (found != json.end() && !found->is_null()) found->get_to(field);
    };
    std::string prediction_type = "epsilon";
    read("_class_name", config.class_name);
    read("num_train_timesteps", config.train_timesteps);
    read("beta_start", config.beta_start);
    read("beta_end", config.beta_end);
    read("beta_schedule", config.beta_schedule);
    read("prediction_type", prediction_type);
    read("timestep_spacing", config.timestep_spacing);
    read("steps_offset", config.steps_offset);
    read("set_alpha_to_one", config.set_alpha_to_one);
    read("rescale_betas_zero_snr", config.rescale_betas_zero_snr);
    PATCHBAY_ASSIGN_OR_RETURN(config.prediction_type, ParsePredictionType(prediction_type));
  } catch (const nlohmann::json::exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("the scheduler's configuration cannot be read: ", error.what()));
  }
  PATCHBAY_RETURN_IF_ERROR(CheckConfig(config));
  return config;
}

NoiseSchedule::NoiseSchedule(const NoiseScheduleConfig& config) : config_(config) {
  at::Tensor betas = Betas(config);
  if (config.rescale_betas_zero_snr) betas = RescaledToZeroTerminalSnr(betas);
  at::Tensor alphas_cumprod = at::cumprod(1 - betas, 0);
  if (config.rescale_betas_zero_snr) alphas_cumprod[-1] = kSmallestAlphaCumprod;
  const at::Tensor sigmas = ((1 - alphas_cumprod) / alphas_cumprod).sqrt();
  for (int64_t i = 0; i < config.train_timesteps; ++i) {
    alphas_cumprod_.push_back(alphas_cumprod[i].item<float>());
    sigmas_.push_back(sigmas[i].item<float>());
  }
}

double NoiseSchedule::SigmaAt(double timestep) const {
  const double last = static_cast<double>(sigmas_.size() - 1);
  const double position = std::clamp(timestep, 0.0, last);
  const size_t below = static_cast<size_t>(std::min(std::floor(position), last - 1));
  const double share = position - static_cast<double>(below);
  return sigmas_[below] + share * (sigmas_[below + 1] - sigmas_[below]);
}

}  // namespace patchbay
