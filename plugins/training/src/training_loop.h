#ifndef PATCHBAY_PLUGINS_TRAINING_SRC_TRAINING_LOOP_H_
#define PATCHBAY_PLUGINS_TRAINING_SRC_TRAINING_LOOP_H_

#include <ATen/ATen.h>
#include <patchbay/aten.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "plugins/training/src/adamw.h"

namespace training {

// What a loss, or the mean of several, says of the parameters.
struct Slope {
  double loss = 0;
  std::vector<at::Tensor> gradients;
};

// Differentiates a loss. A parameter that it owes nothing to has gradient 0.
Slope SlopeOf(const at::Tensor& loss, const std::vector<at::Tensor>& parameters);

// The mean of several.
Slope MeanOf(std::vector<Slope> slopes);

// Clips the gradients' joint norm at 1 and lets the optimizer change the parameters. Throws
// patchbay::Error where a number is not finite; the parameters are then as they were.
void Descend(Slope slope, const std::vector<at::Tensor>& parameters, AdamW& optimizer);

struct Course {
  int64_t steps = 0;       // in all
  int64_t save_every = 0;  // 0: only in the end and when cancelled
};

// Makes steps, of which the optimizer counts, until there are `course.steps`. `step` makes one and
// returns its loss; `save` keeps the state. Tells the action's progress, with the loss and its
// mean. When cancelled, what was trained is kept. Throws patchbay::Error where so many steps were
// made already.
void Train(const patchbay::Action& action, const Course& course, const AdamW& optimizer,
           const std::function<double()>& step, const std::function<void()>& save);

}  // namespace training

#endif  // PATCHBAY_PLUGINS_TRAINING_SRC_TRAINING_LOOP_H_
