#include <cmath>

#include "host/base/status_macros.h"
#include "host/runtime/sampling/samplers.h"

namespace patchbay {
namespace {

// h of arXiv:2211.01095: the difference of log(1 / sigma).
double LogStep(double sigma, double sigma_next) { return std::log(sigma / sigma_next); }

class DpmSolver2M : public Sampler {
 public:
  absl::StatusOr<at::Tensor> Step(size_t index, const at::Tensor& x,
                                  const StepContext& context) override {
    const SamplingPlan::Step& step = context.plan.steps[index];
    PATCHBAY_ASSIGN_OR_RETURN(const at::Tensor denoised,
                              context.denoise(x, step.sigma, step.timestep));
    const Evaluation before = std::exchange(before_, {step.sigma, denoised});
    if (step.sigma_next == 0) return denoised;
    const double h = LogStep(step.sigma, step.sigma_next);
    at::Tensor target = denoised;
    if (before.denoised.defined()) {
      const double ratio = LogStep(before.sigma, step.sigma) / h;
      target = target + (denoised - before.denoised) / (2 * ratio);
    }
    return (step.sigma_next / step.sigma) * x - std::expm1(-h) * target;
  }

  void Forget() override { before_ = {}; }

 private:
  Evaluation before_;
};

// k-diffusion's sample_dpmpp_2m_sde (midpoint) and sample_dpmpp_3m_sde.
class DpmSolverMultistepSde : public Sampler {
 public:
  DpmSolverMultistepSde(size_t order, double eta) : order_(order), eta_(eta) {}

  absl::StatusOr<at::Tensor> Step(size_t index, const at::Tensor& x,
                                  const StepContext& context) override {
    const SamplingPlan::Step& step = context.plan.steps[index];
    PATCHBAY_ASSIGN_OR_RETURN(const at::Tensor denoised,
                              context.denoise(x, step.sigma, step.timestep));
    const History before = history_;
    history_.push_front({step.sigma, denoised});
    if (history_.size() >= order_) history_.resize(order_ - 1);
    if (step.sigma_next == 0) return denoised;

    const double h = LogStep(step.sigma, step.sigma_next);
    const double h_eta = h * (eta_ + 1);
    at::Tensor next =
        (step.sigma_next / step.sigma) * std::exp(-h * eta_) * x - std::expm1(-h_eta) * denoised;
    if (order_ == 2 && !before.empty()) {
      const double ratio = LogStep(before[0].sigma, step.sigma) / h;
      next = next - std::expm1(-h_eta) / (2 * ratio) * (denoised - before[0].denoised);
    } else if (order_ == 3 && !before.empty()) {
      next = next + ThirdOrderTerms(step.sigma, h, h_eta, denoised, before);
    }
    if (eta_ == 0) return next;
    const double deviation = step.sigma_next * std::sqrt(-std::expm1(-2 * h * eta_));
    return next + context.draw_noise(x, step.sigma, step.sigma_next) * deviation;
  }

  void Forget() override { history_.clear(); }

 private:
  static at::Tensor ThirdOrderTerms(double sigma, double h, double h_eta,
                                    const at::Tensor& denoised, const History& before) {
    const double phi_2 = std::expm1(-h_eta) / h_eta + 1;
    const double ratio_0 = LogStep(before[0].sigma, sigma) / h;
    const at::Tensor slope_0 = (denoised - before[0].denoised) / ratio_0;
    if (before.size() == 1) return phi_2 * slope_0;
    const double phi_3 = phi_2 / h_eta - 0.5;
    const double ratio_1 = LogStep(before[1].sigma, before[0].sigma) / h;
    const at::Tensor slope_1 = (before[0].denoised - before[1].denoised) / ratio_1;
    const at::Tensor first = slope_0 + (slope_0 - slope_1) * (ratio_0 / (ratio_0 + ratio_1));
    const at::Tensor second = (slope_0 - slope_1) / (ratio_0 + ratio_1);
    return phi_2 * first - phi_3 * second;
  }

  size_t order_;
  double eta_;
  History history_;  // order - 1 at most
};

}  // namespace

std::unique_ptr<Sampler> MakeDpmSolver2M() { return std::make_unique<DpmSolver2M>(); }
std::unique_ptr<Sampler> MakeDpmSolver2MSde(double eta) {
  return std::make_unique<DpmSolverMultistepSde>(2, eta);
}
std::unique_ptr<Sampler> MakeDpmSolver3MSde(double eta) {
  return std::make_unique<DpmSolverMultistepSde>(3, eta);
}

}  // namespace patchbay
