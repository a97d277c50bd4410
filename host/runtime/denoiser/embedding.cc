#include "host/runtime/denoiser/embedding.h"

#include <cmath>

namespace patchbay {

at::Tensor SinusoidalEmbedding::Forward(const at::Tensor& values) const {
  const int64_t half = width / 2;
  const at::Tensor exponents =
      at::arange(half, at::TensorOptions().dtype(at::kFloat).device(values.device())) *
      (-std::log(10000.0) / (static_cast<double>(half) - shift));
  const at::Tensor angles = values.to(at::kFloat).unsqueeze(-1) * at::exp(exponents);
  const at::Tensor sines = at::sin(angles);
  const at::Tensor cosines = at::cos(angles);
  return cosine_first ? at::cat({cosines, sines}, -1) : at::cat({sines, cosines}, -1);
}

EmbeddingMlp::EmbeddingMlp(const ModuleScope& scope, int64_t in_features)
    : first_(scope.Child("linear_1"), in_features, -1, Linear::Bias::kRequired),
      second_(scope.Child("linear_2"), first_.out_features(), -1, Linear::Bias::kRequired) {
  if (scope.Has("cond_proj.weight")) {
    condition_.emplace(scope.Child("cond_proj"), -1, in_features, Linear::Bias::kNone);
  }
}

at::Tensor EmbeddingMlp::Forward(const at::Tensor& x, const at::Tensor& condition,
                                 const OperatorCall& operators) const {
  const at::Tensor input =
      condition_ && condition.defined() ? condition_->ForwardAdd(condition, x, operators) : x;
  return second_.Forward(at::silu(first_.Forward(input, operators)), operators);
}

}  // namespace patchbay
