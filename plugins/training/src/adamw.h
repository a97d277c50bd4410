#ifndef PATCHBAY_PLUGINS_TRAINING_SRC_ADAMW_H_
#define PATCHBAY_PLUGINS_TRAINING_SRC_ADAMW_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace training {

// AdamW (arXiv:1711.05101) with torch.optim's formulas and the decay rates 0.9 and 0.999; its whole
// state lies open, so that training can be taken up again.
struct AdamW {
  double learning_rate = 1e-4;
  double weight_decay = 1e-2;
  int64_t steps = 0;  // made
  std::vector<at::Tensor> first_moments = {};
  std::vector<at::Tensor> second_moments = {};

  // With moments of 0.
  void Begin(const std::vector<at::Tensor>& parameters);
  // Changes the parameters in place.
  void Step(const std::vector<at::Tensor>& parameters, const std::vector<at::Tensor>& gradients);
};

// Scales gradients whose joint norm is larger than `most` down to it, in place. Returns the norm.
double ClipNorm(const std::vector<at::Tensor>& gradients, double most);

}  // namespace training

#endif  // PATCHBAY_PLUGINS_TRAINING_SRC_ADAMW_H_
