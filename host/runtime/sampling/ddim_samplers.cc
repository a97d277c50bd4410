// Samplers whose papers keep latents at unit variance; here for unscaled latents, where alpha (the
// cumulative product) is 1 / (1 + sigma^2).
#include <cmath>

#include "host/base/status_macros.h"
#include "host/runtime/sampling/samplers.h"

namespace patchbay {
namespace {

double AlphaOf(double sigma) { return 1 / (1 + sigma * sigma); }

at::Tensor Clipped(const at::Tensor& denoised, double range) {
  return range > 0 ? denoised.clamp(-range, range) : denoised;
}

class Ddim : public Sampler {
 public:
  Ddim(double eta, double clip_range) : eta_(eta), clip_range_(clip_range) {}

  absl::StatusOr<at::Tensor> Step(size_t index, const at::Tensor& x,
                                  const StepContext& context) override {
    const SamplingPlan::Step& step = context.plan.steps[index];
    PATCHBAY_ASSIGN_OR_RETURN(const at::Tensor seen, context.denoise(x, step.sigma, step.timestep));
    // diffusers keeps the noise that belongs to the unclipped latent.
    const at::Tensor noise = (x - seen) / step.sigma;
    const at::Tensor denoised = Clipped(seen, clip_range_);
    if (eta_ == 0) return denoised + noise * step.sigma_next;
    const double alpha = AlphaOf(step.sigma);
    const double alpha_next = AlphaOf(step.sigma_next);
    const double fresh = eta_ * std::sqrt((1 - alpha_next) / (1 - alpha)) *
                         std::sqrt(1 - alpha / alpha_next) / std::sqrt(alpha_next);
    const double kept = std::sqrt(std::max(step.sigma_next * step.sigma_next - fresh * fresh, 0.0));
    return denoised + noise * kept + context.draw_noise(x, step.sigma, step.sigma_next) * fresh;
  }

 private:
  double eta_;
  double clip_range_;
};

class Ddpm : public Sampler {
 public:
  explicit Ddpm(double clip_range) : clip_range_(clip_range) {}

  absl::StatusOr<at::Tensor> Step(size_t index, const at::Tensor& x,
                                  const StepContext& context) override {
    const SamplingPlan::Step& step = context.plan.steps[index];
    PATCHBAY_ASSIGN_OR_RETURN(const at::Tensor seen, context.denoise(x, step.sigma, step.timestep));
    const at::Tensor denoised = Clipped(seen, clip_range_);
    if (step.sigma_next == 0) return denoised;
    const double variance = step.sigma * step.sigma;
    const double variance_next = step.sigma_next * step.sigma_next;
    // The posterior's mean lies between D and x; its variance is the ancestral one.
    const double kept = variance_next / variance;
    const double deviation = std::sqrt(std::max(variance_next * (1 - kept), 0.0));
    return denoised + (x - denoised) * kept +
           context.draw_noise(x, step.sigma, step.sigma_next) * deviation;
  }

 private:
  double clip_range_;
};

class Lcm : public Sampler {
 public:
  explicit Lcm(double timestep_scaling) : timestep_scaling_(timestep_scaling) {}

  absl::StatusOr<at::Tensor> Step(size_t index, const at::Tensor& x,
                                  const StepContext& context) override {
    const SamplingPlan::Step& step = context.plan.steps[index];
    PATCHBAY_ASSIGN_OR_RETURN(at::Tensor denoised, context.denoise(x, step.sigma, step.timestep));
    if (timestep_scaling_ > 0) denoised = WithBoundary(x, denoised, step);
    if (step.sigma_next == 0) return denoised;
    return denoised + context.draw_noise(x, step.sigma, step.sigma_next) * step.sigma_next;
  }

 private:
  // arXiv:2310.04378, equation 9, with sigma_data = 0.5
  at::Tensor WithBoundary(const at::Tensor& x, const at::Tensor& denoised,
                          const SamplingPlan::Step& step) const {
    constexpr double kDataVariance = 0.25;
    const double time = step.timestep * timestep_scaling_;
    const double skip = kDataVariance / (time * time + kDataVariance);
    const double out = time / std::sqrt(time * time + kDataVariance);
    return denoised * out + x * (skip * std::sqrt(AlphaOf(step.sigma)));
  }

  double timestep_scaling_;
};

}  // namespace

std::unique_ptr<Sampler> MakeDdim(double eta, double clip_range) {
  return std::make_unique<Ddim>(eta, clip_range);
}
std::unique_ptr<Sampler> MakeDdpm(double clip_range) { return std::make_unique<Ddpm>(clip_range); }
std::unique_ptr<Sampler> MakeLcm(double timestep_scaling) {
  return std::make_unique<Lcm>(timestep_scaling);
}

}  // namespace patchbay
