#include <cmath>

#include "host/base/status_macros.h"
#include "host/runtime/sampling/samplers.h"

namespace patchbay {
namespace {

// The exact solution for a constant D (arXiv:2211.01095, equation 9).
at::Tensor ExponentialStep(const at::Tensor& x, const at::Tensor& denoised, double sigma,
                           double sigma_next) {
  const double kept = sigma_next / sigma;
  return kept * x + (1 - kept) * denoised;
}

class DpmSolver2SAncestral : public Sampler {
 public:
  explicit DpmSolver2SAncestral(double eta) : eta_(eta) {}

  absl::StatusOr<at::Tensor> Step(size_t index, const at::Tensor& x,
                                  const StepContext& context) override {
    const SamplingPlan::Step& step = context.plan.steps[index];
    PATCHBAY_ASSIGN_OR_RETURN(const at::Tensor denoised,
                              context.denoise(x, step.sigma, step.timestep));
    const AncestralSplit split = SplitAncestral(step.sigma, step.sigma_next, eta_);
    if (split.down == 0) return denoised;
    const double middle = std::sqrt(step.sigma * split.down);
    const at::Tensor x_middle = ExponentialStep(x, denoised, step.sigma, middle);
    PATCHBAY_ASSIGN_OR_RETURN(const at::Tensor denoised_middle,
                              context.denoise(x_middle, middle, context.plan.timestep_of(middle)));
    const at::Tensor lower = ExponentialStep(x, denoised_middle, step.sigma, split.down);
    if (eta_ == 0) return lower;
    return lower + context.draw_noise(x, step.sigma, step.sigma_next) * split.up;
  }

 private:
  double eta_;
};

// A level as it comes back from its fp32 logarithm. The Brownian path is looked up at these.
float ThroughLogarithm(double sigma) { return std::exp(std::log(static_cast<float>(sigma))); }
float GeometricMiddle(double sigma, double sigma_next) {
  const float time = -std::log(static_cast<float>(sigma));
  const float time_next = -std::log(static_cast<float>(sigma_next));
  return std::exp(-(time + (time_next - time) * 0.5f));
}

// k-diffusion's sample_dpmpp_sde with r = 1/2: an ancestral step to the geometric middle, then one
// from the start with the D found there.
class DpmSolverSde : public Sampler {
 public:
  explicit DpmSolverSde(double eta) : eta_(eta) {}

  absl::StatusOr<at::Tensor> Step(size_t index, const at::Tensor& x,
                                  const StepContext& context) override {
    const SamplingPlan::Step& step = context.plan.steps[index];
    PATCHBAY_ASSIGN_OR_RETURN(const at::Tensor denoised,
                              context.denoise(x, step.sigma, step.timestep));
    if (step.sigma_next == 0) return denoised;
    const double middle = GeometricMiddle(step.sigma, step.sigma_next);
    const at::Tensor x_middle = Move(x, denoised, step.sigma, middle, context);
    PATCHBAY_ASSIGN_OR_RETURN(const at::Tensor denoised_middle,
                              context.denoise(x_middle, middle, context.plan.timestep_of(middle)));
    return Move(x, denoised_middle, step.sigma, step.sigma_next, context);
  }

 private:
  at::Tensor Move(const at::Tensor& x, const at::Tensor& denoised, double from, double to,
                  const StepContext& context) const {
    const AncestralSplit split = SplitAncestral(from, to, eta_);
    const at::Tensor lower = ExponentialStep(x, denoised, from, split.down);
    if (eta_ == 0) return lower;
    return lower + context.draw_noise(x, ThroughLogarithm(from), ThroughLogarithm(to)) * split.up;
  }

  double eta_;
};

}  // namespace

std::unique_ptr<Sampler> MakeDpmSolver2SAncestral(double eta) {
  return std::make_unique<DpmSolver2SAncestral>(eta);
}
std::unique_ptr<Sampler> MakeDpmSolverSde(double eta) {
  return std::make_unique<DpmSolverSde>(eta);
}

}  // namespace patchbay
