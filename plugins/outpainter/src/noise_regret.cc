#include "noise_regret.h"

namespace outpainter {

namespace {

// A share such as 0.58 is a little less than what it says; of 50 steps it means 29.
int32_t WholeSteps(double share, int32_t step_count) {
  constexpr double kRounding = 1e-9;
  return static_cast<int32_t>(share * step_count + kRounding);
}

}  // namespace

NoiseRegret::NoiseRegret(const RegretSettings& settings, int32_t step_count)
    : settings_(settings), last_(WholeSteps(settings.share, step_count)) {}

int32_t NoiseRegret::Next(int32_t done) {
  if (settings_.jump <= 0 || done % settings_.jump != 0 || done >= last_) return done;
  if (repeated_ >= settings_.repeats) {
    repeated_ = 0;
    return done;
  }
  ++repeated_;
  return done - static_cast<int32_t>(settings_.jump);
}

int64_t StepsWithRegret(const RegretSettings& settings, int32_t step_count) {
  NoiseRegret regret(settings, step_count);
  int64_t steps = 0;
  for (int32_t step = 0; step < step_count; ++steps) step = regret.Next(step + 1);
  return steps;
}

}  // namespace outpainter
