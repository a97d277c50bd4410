#include "host/runtime/sampling/sigma_table.h"

#include <algorithm>
#include <boost/math/special_functions/beta.hpp>
#include <cmath>

namespace patchbay {
namespace {

constexpr double kKarrasRho = 7.0;
constexpr double kBetaShape = 0.6;

// i of n evenly spaced points from 0 to 1.
double Share(int64_t i, int64_t n) {
  return n == 1 ? 0 : static_cast<double>(i) / static_cast<double>(n - 1);
}

// `points` evenly spaced timesteps from the last to the first, of which the first n are used.
std::vector<double> SpacedByTimestep(const NoiseSchedule& schedule, int64_t n, int64_t points) {
  const double from = schedule.TimestepOf(schedule.sigma_max());
  const double to = schedule.TimestepOf(schedule.sigma_min());
  std::vector<double> sigmas;
  for (int64_t i = 0; i < n; ++i) {
    sigmas.push_back(schedule.LogInterpolatedSigmaAt(from + Share(i, points) * (to - from)));
  }
  return sigmas;
}

std::vector<double> Simple(const std::vector<double>& trained, int64_t n) {
  const double stride = static_cast<double>(trained.size()) / static_cast<double>(n);
  std::vector<double> sigmas;
  for (int64_t i = 0; i < n; ++i) {
    const auto back = static_cast<size_t>(static_cast<double>(i) * stride);
    sigmas.push_back(trained[trained.size() - 1 - back]);
  }
  return sigmas;
}

std::vector<double> DdimUniform(const std::vector<double>& trained, int64_t n) {
  const size_t stride = std::max<size_t>(trained.size() / static_cast<size_t>(n), 1);
  std::vector<double> sigmas;
  for (size_t i = 1; i < trained.size(); i += stride) sigmas.push_back(trained[i]);
  std::reverse(sigmas.begin(), sigmas.end());
  return sigmas;
}

// Quantiles of timesteps instead of levels; what falls on the same timestep counts once.
std::vector<double> BetaByTimestep(const std::vector<double>& trained, int64_t n) {
  std::vector<double> sigmas;
  double previous = -1;
  for (int64_t i = 0; i < n; ++i) {
    const double share = 1 - static_cast<double>(i) / static_cast<double>(n);
    const double timestep =
        std::nearbyint(BetaQuantile(share) * static_cast<double>(trained.size() - 1));
    if (timestep != previous) sigmas.push_back(trained[static_cast<size_t>(timestep)]);
    previous = timestep;
  }
  return sigmas;
}

// From genmo's video models: linear up to a threshold, then quadratic.
std::vector<double> LinearQuadratic(double sigma_max, int64_t n) {
  if (n == 1) return {sigma_max};
  constexpr double kThreshold = 0.025;
  const int64_t linear = n / 2;
  const int64_t quadratic = n - linear;
  const double difference = static_cast<double>(linear) - kThreshold * static_cast<double>(n);
  const double quadratic_factor = difference / static_cast<double>(linear * quadratic * quadratic);
  const double linear_factor = kThreshold / static_cast<double>(linear) -
                               2 * difference / static_cast<double>(quadratic * quadratic);
  const double constant = quadratic_factor * static_cast<double>(linear * linear);
  std::vector<double> sigmas;
  for (int64_t i = 0; i < n; ++i) {
    const double x = static_cast<double>(i);
    const double done = i < linear ? x * kThreshold / static_cast<double>(linear)
                                   : quadratic_factor * x * x + linear_factor * x + constant;
    sigmas.push_back((1 - done) * sigma_max);
  }
  return sigmas;
}

// arXiv:2404.14507, equation 4
std::vector<double> KlOptimal(double sigma_max, double sigma_min, int64_t n) {
  std::vector<double> sigmas;
  for (int64_t i = 0; i < n; ++i) {
    const double share = Share(i, n);
    sigmas.push_back(std::tan(share * std::atan(sigma_min) + (1 - share) * std::atan(sigma_max)));
  }
  return sigmas;
}

}  // namespace

std::vector<double> KarrasSigmas(double sigma_max, double sigma_min, int64_t n) {
  const double from = std::pow(sigma_max, 1 / kKarrasRho);
  const double to = std::pow(sigma_min, 1 / kKarrasRho);
  std::vector<double> sigmas;
  for (int64_t i = 0; i < n; ++i) {
    sigmas.push_back(std::pow(from + Share(i, n) * (to - from), kKarrasRho));
  }
  return sigmas;
}

std::vector<double> ExponentialSigmas(double sigma_max, double sigma_min, int64_t n) {
  std::vector<double> sigmas;
  for (int64_t i = 0; i < n; ++i) {
    sigmas.push_back(
        std::exp(std::log(sigma_max) + Share(i, n) * (std::log(sigma_min) - std::log(sigma_max))));
  }
  return sigmas;
}

double BetaQuantile(double share) { return boost::math::ibeta_inv(kBetaShape, kBetaShape, share); }

std::vector<double> BetaSigmas(double sigma_max, double sigma_min, int64_t n) {
  std::vector<double> sigmas;
  for (int64_t i = 0; i < n; ++i) {
    sigmas.push_back(sigma_min + BetaQuantile(1 - Share(i, n)) * (sigma_max - sigma_min));
  }
  return sigmas;
}

std::vector<double> ComfyUiSigmas(const NoiseSchedule& schedule, const std::string& name,
                                  int64_t n) {
  std::vector<double> sigmas;
  if (name == "normal") sigmas = SpacedByTimestep(schedule, n, n);
  if (name == "sgm_uniform") sigmas = SpacedByTimestep(schedule, n, n + 1);
  if (name == "karras") sigmas = KarrasSigmas(schedule.sigma_max(), schedule.sigma_min(), n);
  if (name == "exponential") {
    sigmas = ExponentialSigmas(schedule.sigma_max(), schedule.sigma_min(), n);
  }
  if (name == "simple") sigmas = Simple(schedule.sigmas(), n);
  if (name == "ddim_uniform") sigmas = DdimUniform(schedule.sigmas(), n);
  if (name == "beta") sigmas = BetaByTimestep(schedule.sigmas(), n);
  if (name == "linear_quadratic") sigmas = LinearQuadratic(schedule.sigma_max(), n);
  if (name == "kl_optimal") sigmas = KlOptimal(schedule.sigma_max(), schedule.sigma_min(), n);
  if (!sigmas.empty()) sigmas.push_back(0);
  return sigmas;
}

}  // namespace patchbay
