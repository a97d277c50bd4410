#include <algorithm>
#include <cmath>

#include "host/base/status_macros.h"
#include "host/runtime/sampling/samplers.h"

namespace patchbay {
namespace {

at::Tensor Direction(const at::Tensor& x, const at::Tensor& denoised, double sigma) {
  return (x - denoised) / sigma;
}

class Euler : public Sampler {
 public:
  absl::StatusOr<at::Tensor> Step(size_t index, const at::Tensor& x,
                                  const StepContext& context) override {
    const SamplingPlan::Step& step = context.plan.steps[index];
    PATCHBAY_ASSIGN_OR_RETURN(const at::Tensor denoised,
                              context.denoise(x, step.sigma, step.timestep));
    return x + Direction(x, denoised, step.sigma) * (step.sigma_next - step.sigma);
  }
};

class EulerAncestral : public Sampler {
 public:
  explicit EulerAncestral(double eta) : eta_(eta) {}

  absl::StatusOr<at::Tensor> Step(size_t index, const at::Tensor& x,
                                  const StepContext& context) override {
    const SamplingPlan::Step& step = context.plan.steps[index];
    PATCHBAY_ASSIGN_OR_RETURN(const at::Tensor denoised,
                              context.denoise(x, step.sigma, step.timestep));
    const AncestralSplit split = SplitAncestral(step.sigma, step.sigma_next, eta_);
    const at::Tensor lower = x + Direction(x, denoised, step.sigma) * (split.down - step.sigma);
    if (step.sigma_next == 0) return lower;
    return lower + context.draw_noise(x, step.sigma, step.sigma_next) * split.up;
  }

 private:
  double eta_;
};

class Heun : public Sampler {
 public:
  absl::StatusOr<at::Tensor> Step(size_t index, const at::Tensor& x,
                                  const StepContext& context) override {
    const SamplingPlan::Step& step = context.plan.steps[index];
    PATCHBAY_ASSIGN_OR_RETURN(const at::Tensor denoised,
                              context.denoise(x, step.sigma, step.timestep));
    const at::Tensor direction = Direction(x, denoised, step.sigma);
    const double length = step.sigma_next - step.sigma;
    const at::Tensor predicted = x + direction * length;
    if (step.sigma_next == 0) return predicted;
    const bool is_last = index + 1 == context.plan.steps.size();
    const double timestep = is_last ? context.plan.timestep_of(step.sigma_next)
                                    : context.plan.steps[index + 1].timestep;
    PATCHBAY_ASSIGN_OR_RETURN(const at::Tensor denoised_next,
                              context.denoise(predicted, step.sigma_next, timestep));
    const at::Tensor direction_next = Direction(predicted, denoised_next, step.sigma_next);
    return x + (direction + direction_next) / 2 * length;
  }
};

// Euler's step to the geometric middle, whose direction then leads the whole way.
class Dpm2 : public Sampler {
 public:
  explicit Dpm2(double eta) : eta_(eta) {}

  absl::StatusOr<at::Tensor> Step(size_t index, const at::Tensor& x,
                                  const StepContext& context) override {
    const SamplingPlan::Step& step = context.plan.steps[index];
    PATCHBAY_ASSIGN_OR_RETURN(const at::Tensor denoised,
                              context.denoise(x, step.sigma, step.timestep));
    const at::Tensor direction = Direction(x, denoised, step.sigma);
    const AncestralSplit split = SplitAncestral(step.sigma, step.sigma_next, eta_);
    if (split.down == 0) return x + direction * (split.down - step.sigma);
    const double middle = std::sqrt(step.sigma * split.down);
    const at::Tensor x_middle = x + direction * (middle - step.sigma);
    PATCHBAY_ASSIGN_OR_RETURN(const at::Tensor denoised_middle,
                              context.denoise(x_middle, middle, context.plan.timestep_of(middle)));
    const at::Tensor lower =
        x + Direction(x_middle, denoised_middle, middle) * (split.down - step.sigma);
    if (eta_ == 0) return lower;
    return lower + context.draw_noise(x, step.sigma, step.sigma_next) * split.up;
  }

 private:
  double eta_;
};

}  // namespace

AncestralSplit SplitAncestral(double sigma, double sigma_next, double eta) {
  const double from = sigma * sigma;
  const double to = sigma_next * sigma_next;
  AncestralSplit split;
  split.up = std::min(sigma_next, eta * std::sqrt(std::max(to * (from - to) / from, 0.0)));
  split.down = std::sqrt(to - split.up * split.up);
  return split;
}

std::unique_ptr<Sampler> MakeEuler() { return std::make_unique<Euler>(); }
std::unique_ptr<Sampler> MakeEulerAncestral(double eta) {
  return std::make_unique<EulerAncestral>(eta);
}
std::unique_ptr<Sampler> MakeHeun() { return std::make_unique<Heun>(); }
std::unique_ptr<Sampler> MakeDpm2() { return std::make_unique<Dpm2>(0); }
std::unique_ptr<Sampler> MakeDpm2Ancestral(double eta) { return std::make_unique<Dpm2>(eta); }

}  // namespace patchbay
