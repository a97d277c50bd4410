#include "plugins/training/src/training_loop.h"

#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

namespace training {
namespace {

constexpr double kMostNorm = 1;
// What the mean loss that is shown keeps of itself at each step.
constexpr double kMeanDecay = 0.98;

std::string LossText(int64_t step, int64_t steps, double loss, double mean) {
  char text[120];
  std::snprintf(text, sizeof(text), "step %lld of %lld, loss %.4f, mean %.4f",
                static_cast<long long>(step), static_cast<long long>(steps), loss, mean);
  return text;
}

}  // namespace

Slope SlopeOf(const at::Tensor& loss, const std::vector<at::Tensor>& parameters) {
  Slope slope{loss.item<double>(),
              torch::autograd::grad({loss}, parameters, /*grad_outputs=*/{},
                                    /*retain_graph=*/std::nullopt, /*create_graph=*/false,
                                    /*allow_unused=*/true)};
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (!slope.gradients[i].defined()) slope.gradients[i] = at::zeros_like(parameters[i]);
  }
  return slope;
}

Slope MeanOf(std::vector<Slope> slopes) {
  Slope mean = std::move(slopes.front());
  for (size_t i = 1; i < slopes.size(); ++i) {
    mean.loss += slopes[i].loss;
    for (size_t k = 0; k < mean.gradients.size(); ++k) {
      mean.gradients[k].add_(slopes[i].gradients[k]);
    }
  }
  const auto count = static_cast<double>(slopes.size());
  mean.loss /= count;
  for (at::Tensor& gradient : mean.gradients) gradient.div_(count);
  return mean;
}

void Descend(Slope slope, const std::vector<at::Tensor>& parameters, AdamW& optimizer) {
  const double norm = ClipNorm(slope.gradients, kMostNorm);
  if (!std::isfinite(slope.loss) || !std::isfinite(norm)) {
    throw patchbay::Error("training gave numbers that are not finite at step " +
                              std::to_string(optimizer.steps + 1) +
                              "; choose a smaller learning_rate",
                          PATCHBAY_DATA_LOSS);
  }
  optimizer.Step(parameters, slope.gradients);
}

void Train(const patchbay::Action& action, const Course& course, const AdamW& optimizer,
           const std::function<double()>& step, const std::function<void()>& save) {
  if (optimizer.steps >= course.steps) {
    throw patchbay::Error("steps: this training has made " + std::to_string(optimizer.steps) +
                          " steps already; ask for more");
  }
  double mean = 0;
  int64_t made = 0;
  try {
    while (optimizer.steps < course.steps) {
      const double loss = step();
      const double keep = std::min(kMeanDecay, static_cast<double>(made) / (made + 1));
      mean = keep * mean + (1 - keep) * loss;
      ++made;
      const int64_t done = optimizer.steps;
      if (course.save_every > 0 && done % course.save_every == 0 && done < course.steps) save();
      action.progress(static_cast<double>(done) / static_cast<double>(course.steps),
                      LossText(done, course.steps, loss, mean));
    }
  } catch (const patchbay::Error& error) {
    if (error.status() == PATCHBAY_CANCELLED && optimizer.steps > 0) save();
    throw;
  }
  save();
}

}  // namespace training
