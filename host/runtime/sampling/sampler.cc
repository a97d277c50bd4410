#include "host/runtime/sampling/sampler.h"

#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

// What one step works on.
struct Move {
  const SamplingPlan::Step& step;
  const at::Tensor& x;
  const at::Tensor& denoised;
};

// Of the clean latent, seen a moment ago: what multi-step methods extrapolate from.
struct Memory {
  double sigma;
  at::Tensor denoised;
};

at::Tensor NoiseDirection(const Move& move) { return (move.x - move.denoised) / move.step.sigma; }

// arXiv:2206.00364, algorithm 1, without churn
at::Tensor Euler(const Move& move) {
  return move.x + NoiseDirection(move) * (move.step.sigma_next - move.step.sigma);
}

// Euler's step to a lower level, then noise up to the next one (k-diffusion,
// sample_euler_ancestral).
at::Tensor EulerAncestral(const Move& move, double eta, DrawNoise draw_noise) {
  const double from = move.step.sigma * move.step.sigma;
  const double to = move.step.sigma_next * move.step.sigma_next;
  const double up = std::min(move.step.sigma_next, eta * std::sqrt(to * (from - to) / from));
  const double down = std::sqrt(to - up * up);
  return move.x + NoiseDirection(move) * (down - move.step.sigma) + draw_noise(move.x) * up;
}

// arXiv:2010.02502, equation 12; here for unscaled latents, alpha = 1 / (1 + sigma^2).
at::Tensor Ddim(const Move& move, double eta, DrawNoise draw_noise) {
  const double next = move.step.sigma_next * move.step.sigma_next;
  const double now = move.step.sigma * move.step.sigma;
  if (eta == 0) return move.denoised + NoiseDirection(move) * move.step.sigma_next;
  const double alpha_next = 1 / (1 + next);
  const double alpha_now = 1 / (1 + now);
  const double fresh = eta * std::sqrt((1 - alpha_next) / (1 - alpha_now)) *
                       std::sqrt(1 - alpha_now / alpha_next) / std::sqrt(alpha_next);
  return move.denoised + NoiseDirection(move) * std::sqrt(next - fresh * fresh) +
         draw_noise(move.x) * fresh;
}

// arXiv:2211.01095, algorithm 2
at::Tensor DpmSolver2M(const Move& move, const std::optional<Memory>& before) {
  if (move.step.sigma_next == 0) return move.denoised;
  const double h = std::log(move.step.sigma / move.step.sigma_next);
  at::Tensor direction = move.denoised;
  if (before) {
    const double ratio = std::log(before->sigma / move.step.sigma) / h;
    direction = direction + (move.denoised - before->denoised) / (2 * ratio);
  }
  return (move.step.sigma_next / move.step.sigma) * move.x - std::expm1(-h) * direction;
}

}  // namespace

std::string SamplerNames() { return "ddim dpmpp_2m euler euler_a"; }

absl::StatusOr<at::Tensor> RunSampler(const std::string& sampler, const SamplerOptions& options,
                                      const SamplingPlan& plan, at::Tensor x, Denoise denoise,
                                      DrawNoise draw_noise, AfterStep after_step) {
  std::optional<Memory> memory;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const SamplingPlan::Step& step = plan.steps[i];
    PATCHBAY_ASSIGN_OR_RETURN(const at::Tensor denoised, denoise(x, step.sigma, step.timestep));
    const Move move{step, x, denoised};
    at::Tensor next;
    if (sampler == "euler") {
      next = Euler(move);
    } else if (sampler == "euler_a") {
      next = EulerAncestral(move, options.eta, draw_noise);
    } else if (sampler == "ddim") {
      next = Ddim(move, options.eta, draw_noise);
    } else if (sampler == "dpmpp_2m") {
      next = DpmSolver2M(move, memory);
    } else {
      return absl::NotFoundError(
          absl::StrCat("the sampler \"", sampler, "\" is unknown; known are ", SamplerNames()));
    }
    memory = Memory{step.sigma, denoised};
    x = next;
    PATCHBAY_RETURN_IF_ERROR(after_step(i, x));
  }
  return x;
}

}  // namespace patchbay
