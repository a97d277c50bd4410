#include "host/runtime/sampling/noise_schedule.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace patchbay {
namespace {

// In fp32, operation by operation as diffusers computes it: the last digits of sigma depend on
// that.
at::Tensor Betas(const NoiseScheduleConfig& config) {
  if (!config.trained_betas.empty()) return at::tensor(config.trained_betas, at::kFloat);
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

// LibTorch's own takes threads even for a thousand numbers. On the thread that checks a request
// they would be more than there are processors, and all parallel loops of the process then wait
// asleep.
at::Tensor SquareRoots(const at::Tensor& values) {
  at::Tensor roots = values.contiguous().clone();
  float* const data = roots.mutable_data_ptr<float>();
  std::transform(data, data + roots.numel(), data, [](float value) { return std::sqrt(value); });
  return roots;
}

// The last level becomes pure noise (arXiv:2305.08891, algorithm 1).
at::Tensor RescaledToZeroTerminalSnr(const at::Tensor& betas) {
  at::Tensor root = SquareRoots(at::cumprod(1 - betas, 0));
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

std::vector<double> EdmSigmas(const NoiseScheduleConfig& config) {
  std::vector<double> sigmas;
  const double last = static_cast<double>(config.train_timesteps - 1);
  for (int64_t i = 0; i < config.train_timesteps; ++i) {
    const double share = static_cast<double>(i) / last;
    sigmas.push_back(config.sigma_min * std::pow(config.sigma_max / config.sigma_min, share));
  }
  return sigmas;
}

std::vector<double> DiscreteSigmas(const NoiseScheduleConfig& config) {
  at::Tensor betas = Betas(config);
  if (config.rescale_betas_zero_snr) betas = RescaledToZeroTerminalSnr(betas);
  at::Tensor alphas_cumprod = at::cumprod(1 - betas, 0);
  if (config.rescale_betas_zero_snr) alphas_cumprod[-1] = kSmallestAlphaCumprod;
  const at::Tensor sigmas = SquareRoots((1 - alphas_cumprod) / alphas_cumprod);
  const float* values = sigmas.const_data_ptr<float>();
  return {values, values + sigmas.numel()};
}

}  // namespace

NoiseSchedule::NoiseSchedule(const NoiseScheduleConfig& config)
    : config_(config), sigmas_(config.edm ? EdmSigmas(config) : DiscreteSigmas(config)) {}

double NoiseSchedule::SigmaAt(double timestep) const {
  const double last = static_cast<double>(sigmas_.size() - 1);
  const double position = std::clamp(timestep, 0.0, last);
  const size_t below = static_cast<size_t>(std::min(std::floor(position), last - 1));
  const double share = position - static_cast<double>(below);
  return sigmas_[below] + share * (sigmas_[below + 1] - sigmas_[below]);
}

// In fp32 like the original: SDE samplers look their noise up by level, to six decimals.
double NoiseSchedule::LogInterpolatedSigmaAt(double timestep) const {
  if (config_.edm) return std::exp(4 * timestep);
  const float last = static_cast<float>(sigmas_.size() - 1);
  const float position = std::clamp(static_cast<float>(timestep), 0.0f, last);
  const size_t below = static_cast<size_t>(std::min(std::floor(position), last - 1));
  const float share = position - static_cast<float>(below);
  return std::exp((1 - share) * LogSigma(below) + share * LogSigma(below + 1));
}

// In fp32 as everywhere else: whether a level counts as below a trained one that it equals decides
// how its timestep is cut to a whole number.
float NoiseSchedule::LogSigma(size_t timestep) const {
  return std::log(static_cast<float>(sigmas_[timestep]));
}

size_t NoiseSchedule::IndexBelow(double sigma) const {
  const double log_sigma = std::log(std::max(sigma, 1e-10));
  size_t low = 0;
  for (size_t end = sigmas_.size() - 1; low + 1 < end;) {
    const size_t middle = (low + end) / 2;
    (LogSigma(middle) <= log_sigma ? low : end) = middle;
  }
  return low;
}

double NoiseSchedule::TimestepOf(double sigma) const {
  if (config_.edm) return std::log(sigma) / 4;
  const size_t low = IndexBelow(sigma);
  const double share =
      (std::log(std::max(sigma, 1e-10)) - LogSigma(low)) / (LogSigma(low + 1) - LogSigma(low));
  return static_cast<double>(low) + std::clamp(share, 0.0, 1.0);
}

double NoiseSchedule::NearestTimestepOf(double sigma) const {
  if (config_.edm) return TimestepOf(sigma);
  const size_t low = IndexBelow(sigma);
  const float log_sigma = std::log(static_cast<float>(std::max(sigma, 1e-10)));
  const float to_low = std::abs(log_sigma - LogSigma(low));
  const float to_high = std::abs(log_sigma - LogSigma(low + 1));
  return static_cast<double>(to_low <= to_high ? low : low + 1);
}

}  // namespace patchbay
