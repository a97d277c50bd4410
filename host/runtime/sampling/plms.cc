#include <cmath>

#include "host/base/status_macros.h"
#include "host/runtime/sampling/samplers.h"

namespace patchbay {
namespace {

// Adams-Bashforth on the network's output, as if steps were even (arXiv:2202.09778, equation 12).
class Plms : public Sampler {
 public:
  // diffusers extrapolates what the network gives, so velocities for velocity models.
  explicit Plms(PredictionType type) : velocity_(type == PredictionType::kVPrediction) {}

  absl::StatusOr<at::Tensor> Step(size_t index, const at::Tensor& x,
                                  const StepContext& context) override {
    const SamplingPlan::Step& step = context.plan.steps[index];
    PATCHBAY_ASSIGN_OR_RETURN(const at::Tensor denoised,
                              context.denoise(x, step.sigma, step.timestep));
    const at::Tensor output = OutputOf(x, denoised, step.sigma);
    const bool repeats = step.sigma_from != step.sigma && first_.x.defined();
    at::Tensor from = x;
    at::Tensor combined;
    if (repeats) {
      combined = (output + outputs_.front()) / 2;
      // Unit variance stays when the repeated move starts from another level than the first did.
      from = first_.x * (UnitScale(step.sigma_from) / UnitScale(first_.sigma));
    } else {
      outputs_.push_front(output);
      if (outputs_.size() > 4) outputs_.pop_back();
      combined = Extrapolated();
    }
    first_ = outputs_.size() == 1 && !repeats ? Start{x, step.sigma} : Start{};
    const double sigma_from = repeats ? step.sigma_from : step.sigma;
    return from + NoiseOf(from, combined, sigma_from) * (step.sigma_next - sigma_from);
  }

  void Forget() override {
    outputs_.clear();
    first_ = {};
  }

 private:
  struct Start {
    at::Tensor x;
    double sigma = 0;
  };

  static double UnitScale(double sigma) { return std::sqrt(1 + sigma * sigma); }

  at::Tensor OutputOf(const at::Tensor& x, const at::Tensor& denoised, double sigma) const {
    if (!velocity_) return (x - denoised) / sigma;
    const double scale = UnitScale(sigma);
    return (x / (scale * scale) - denoised) * (scale / sigma);
  }

  at::Tensor NoiseOf(const at::Tensor& x, const at::Tensor& output, double sigma) const {
    if (!velocity_) return output;
    const double scale = UnitScale(sigma);
    return (output + x * (sigma / scale)) / scale;
  }

  at::Tensor Extrapolated() const {
    const auto& o = outputs_;
    switch (o.size()) {
      case 1:
        return o[0];
      case 2:
        return (3 * o[0] - o[1]) / 2;
      case 3:
        return (23 * o[0] - 16 * o[1] + 5 * o[2]) / 12;
      default:
        return (55 * o[0] - 59 * o[1] + 37 * o[2] - 9 * o[3]) / 24;
    }
  }

  bool velocity_;
  std::deque<at::Tensor> outputs_;  // newest first
  Start first_;                     // where the first move began, until it has been repeated
};

}  // namespace

std::unique_ptr<Sampler> MakePlms(PredictionType prediction_type) {
  return std::make_unique<Plms>(prediction_type);
}

}  // namespace patchbay
