#ifndef PATCHBAY_HOST_RUNTIME_DENOISER_EMBEDDING_H_
#define PATCHBAY_HOST_RUNTIME_DENOISER_EMBEDDING_H_

#include <ATen/ATen.h>

#include <optional>

#include "host/runtime/nn/linear.h"

namespace patchbay {

// The sinusoidal embedding of numbers (arXiv:1706.03762, section 3.5, as diffusion models use it):
// frequencies 10000^(-i / (width / 2 - shift)), sines and cosines side by side.
struct SinusoidalEmbedding {
  int64_t width = 0;
  bool cosine_first = true;  // "flip_sin_to_cos"
  double shift = 0.0;        // "freq_shift"

  // values: any shape [...]; returns fp32 [..., width].
  at::Tensor Forward(const at::Tensor& values) const;
};

// linear_2(SiLU(linear_1(x))), with an optional condition that is projected and added to x first
// ("cond_proj": the guidance scale of distilled models).
class EmbeddingMlp {
 public:
  EmbeddingMlp(const ModuleScope& scope, int64_t in_features);

  int64_t in_features() const { return first_.in_features(); }
  int64_t out_features() const { return second_.out_features(); }
  // The condition's width; 0 when the model has none.
  int64_t condition_features() const { return condition_ ? condition_->in_features() : 0; }

  // x: [B, in]; condition: [B, condition_features()] or undefined.
  at::Tensor Forward(const at::Tensor& x, const at::Tensor& condition,
                     const OperatorCall& operators) const;

 private:
  Linear first_;
  Linear second_;
  std::optional<Linear> condition_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_DENOISER_EMBEDDING_H_
