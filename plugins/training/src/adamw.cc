#include "plugins/training/src/adamw.h"

#include <c10/core/GradMode.h>

#include <cmath>

namespace training {
namespace {

constexpr double kFirstDecay = 0.9;
constexpr double kSecondDecay = 0.999;
constexpr double kEpsilon = 1e-8;

}  // namespace

void AdamW::Begin(const std::vector<at::Tensor>& parameters) {
  steps = 0;
  first_moments.clear();
  second_moments.clear();
  for (const at::Tensor& parameter : parameters) {
    first_moments.push_back(at::zeros_like(parameter));
    second_moments.push_back(at::zeros_like(parameter));
  }
}

void AdamW::Step(const std::vector<at::Tensor>& parameters,
                 const std::vector<at::Tensor>& gradients) {
  const c10::AutoGradMode no_gradients(false);
  ++steps;
  const auto t = static_cast<double>(steps);
  const double first_correction = 1 - std::pow(kFirstDecay, t);
  const double second_correction = std::sqrt(1 - std::pow(kSecondDecay, t));
  for (size_t i = 0; i < parameters.size(); ++i) {
    at::Tensor parameter = parameters[i];
    parameter.mul_(1 - learning_rate * weight_decay);
    first_moments[i].mul_(kFirstDecay).add_(gradients[i], 1 - kFirstDecay);
    second_moments[i].mul_(kSecondDecay).addcmul_(gradients[i], gradients[i], 1 - kSecondDecay);
    const at::Tensor divisor = (second_moments[i].sqrt() / second_correction).add_(kEpsilon);
    parameter.addcdiv_(first_moments[i], divisor, -learning_rate / first_correction);
  }
}

double ClipNorm(const std::vector<at::Tensor>& gradients, double most) {
  double squares = 0;
  for (const at::Tensor& gradient : gradients) {
    squares += gradient.to(at::kDouble).square().sum().item<double>();
  }
  const double norm = std::sqrt(squares);
  // As torch.nn.utils.clip_grad_norm_.
  const double factor = most / (norm + 1e-6);
  if (factor < 1) {
    for (at::Tensor gradient : gradients) gradient.mul_(factor);
  }
  return norm;
}

}  // namespace training
