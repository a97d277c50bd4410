#include <algorithm>
#include <cmath>
#include <utility>

#include "host/base/status_macros.h"
#include "host/runtime/sampling/samplers.h"

namespace patchbay {
namespace {

// Gaussian elimination for the few unknowns of a multi-step formula; rows become garbage.
std::vector<double> Solve(std::vector<std::vector<double>> rows, std::vector<double> right) {
  const size_t n = right.size();
  for (size_t i = 0; i < n; ++i) {
    size_t pivot = i;
    for (size_t j = i + 1; j < n; ++j) {
      if (std::abs(rows[j][i]) > std::abs(rows[pivot][i])) pivot = j;
    }
    std::swap(rows[i], rows[pivot]);
    std::swap(right[i], right[pivot]);
    for (size_t j = i + 1; j < n; ++j) {
      const double factor = rows[j][i] / rows[i][i];
      for (size_t k = i; k < n; ++k) rows[j][k] -= factor * rows[i][k];
      right[j] -= factor * right[i];
    }
  }
  for (size_t i = n; i-- > 0;) {
    for (size_t j = i + 1; j < n; ++j) right[i] -= rows[i][j] * right[j];
    right[i] /= rows[i][i];
  }
  return right;
}

// UniPC in the data-prediction form (arXiv:2302.04867, section 3.3 and appendix).
class UniPc : public Sampler {
 public:
  UniPc(UniPcVariant variant, size_t order) : variant_(variant), max_order_(order) {}

  absl::StatusOr<at::Tensor> Step(size_t index, const at::Tensor& x,
                                  const StepContext& context) override {
    const SamplingPlan::Step& step = context.plan.steps[index];
    PATCHBAY_ASSIGN_OR_RETURN(const at::Tensor denoised,
                              context.denoise(x, step.sigma, step.timestep));
    at::Tensor corrected = x;
    if (last_.defined()) corrected = Update(last_, step.sigma, last_order_, denoised);
    history_.push_front({step.sigma, denoised});
    if (history_.size() > max_order_) history_.pop_back();
    last_ = corrected;
    // The last steps fall back to lower orders, as the authors advise for few steps.
    const size_t steps_left = context.plan.steps.size() - index;
    last_order_ = std::min({max_order_, steps_left, history_.size()});
    if (step.sigma_next == 0) return denoised;
    return Update(corrected, step.sigma_next, last_order_, {});
  }

  void Forget() override {
    history_.clear();
    last_ = at::Tensor();
  }

 private:
  // From the newest evaluation's level to sigma_next; with the clean latent seen there the
  // corrector, without it the predictor.
  at::Tensor Update(const at::Tensor& x, double sigma_next, size_t order,
                    const at::Tensor& denoised_next) const {
    const Evaluation& newest = history_.front();
    const double h = std::log(newest.sigma / sigma_next);
    std::vector<double> ratios;
    std::vector<at::Tensor> slopes;
    for (size_t i = 1; i < order; ++i) {
      const double ratio = std::log(newest.sigma / history_[i].sigma) / h;
      ratios.push_back(ratio);
      slopes.push_back((history_[i].denoised - newest.denoised) / ratio);
    }
    if (denoised_next.defined()) {
      ratios.push_back(1);
      slopes.push_back(denoised_next - newest.denoised);
    }
    const double scale = variant_ == UniPcVariant::kBh1 ? -h : std::expm1(-h);
    const std::vector<double> weights = Weights(ratios, h, scale);
    at::Tensor next = (sigma_next / newest.sigma) * x - std::expm1(-h) * newest.denoised;
    for (size_t i = 0; i < slopes.size(); ++i) next = next - (scale * weights[i]) * slopes[i];
    return next;
  }

  // The formula's coefficients, such that it is exact for polynomials; the lowest orders have the
  // authors' simpler ones.
  static std::vector<double> Weights(const std::vector<double>& ratios, double h, double scale) {
    const size_t n = ratios.size();
    if (n == 1) return {0.5};
    std::vector<std::vector<double>> rows;
    std::vector<double> right;
    double phi = std::expm1(-h) / -h - 1;
    double factorial = 1;
    for (size_t i = 1; i <= n; ++i) {
      std::vector<double> row;
      for (const double ratio : ratios) row.push_back(std::pow(ratio, static_cast<double>(i - 1)));
      rows.push_back(std::move(row));
      right.push_back(phi * factorial / scale);
      factorial *= static_cast<double>(i + 1);
      phi = phi / -h - 1 / factorial;
    }
    return Solve(std::move(rows), std::move(right));
  }

  UniPcVariant variant_;
  size_t max_order_;
  size_t last_order_ = 1;
  History history_;
  at::Tensor last_;  // corrected latent at the newest evaluation's level
};

}  // namespace

std::unique_ptr<Sampler> MakeUniPc(UniPcVariant variant, int64_t order) {
  return std::make_unique<UniPc>(variant, static_cast<size_t>(std::max<int64_t>(order, 1)));
}

}  // namespace patchbay
