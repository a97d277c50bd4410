#include <algorithm>
#include <array>
#include <cmath>

#include "host/base/status_macros.h"
#include "host/runtime/sampling/samplers.h"

namespace patchbay {
namespace {

constexpr size_t kOrder = 4;

struct Direction {
  double sigma = 0;
  at::Tensor value;
};

// The integral from `from` to `to` of the Lagrange basis polynomial that is 1 at directions[which]
// and 0 at the others. Gauss-Legendre with three points is exact up to degree 5; it is 3 here.
double BasisIntegral(const std::deque<Direction>& directions, size_t which, double from,
                     double to) {
  const double root = std::sqrt(0.6);
  const std::array<double, 3> points = {-root, 0, root};
  const std::array<double, 3> weights = {5.0 / 9, 8.0 / 9, 5.0 / 9};
  const double half = (to - from) / 2;
  double integral = 0;
  for (size_t i = 0; i < points.size(); ++i) {
    const double sigma = from + half * (1 + points[i]);
    double value = 1;
    for (size_t other = 0; other < directions.size(); ++other) {
      if (other == which) continue;
      value *=
          (sigma - directions[other].sigma) / (directions[which].sigma - directions[other].sigma);
    }
    integral += weights[i] * half * value;
  }
  return integral;
}

class LinearMultistep : public Sampler {
 public:
  absl::StatusOr<at::Tensor> Step(size_t index, const at::Tensor& x,
                                  const StepContext& context) override {
    const SamplingPlan::Step& step = context.plan.steps[index];
    PATCHBAY_ASSIGN_OR_RETURN(const at::Tensor denoised,
                              context.denoise(x, step.sigma, step.timestep));
    directions_.push_front({step.sigma, (x - denoised) / step.sigma});
    if (directions_.size() > kOrder) directions_.pop_back();
    at::Tensor next = x;
    for (size_t i = 0; i < directions_.size(); ++i) {
      next =
          next + directions_[i].value * BasisIntegral(directions_, i, step.sigma, step.sigma_next);
    }
    return next;
  }

  void Forget() override { directions_.clear(); }

 private:
  std::deque<Direction> directions_;  // newest first
};

}  // namespace

std::unique_ptr<Sampler> MakeLinearMultistep() { return std::make_unique<LinearMultistep>(); }

}  // namespace patchbay
