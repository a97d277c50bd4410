#ifndef PATCHBAY_PLUGINS_OUTPAINTER_SRC_NOISE_REGRET_H_
#define PATCHBAY_PLUGINS_OUTPAINTER_SRC_NOISE_REGRET_H_

#include <cstdint>

namespace outpainter {

// Noise regret (Be-Your-Outpainter, arXiv:2403.13745, section 3.4): after every `jump` steps the
// sampler goes back to where they began, `repeats` times, so that what is painted and what is known
// grow together. Only within the first `share` of the steps, where a picture's layout is decided.
struct RegretSettings {
  int64_t jump = 3;     // steps; 0: never
  int64_t repeats = 4;  // 0: never
  double share = 0.6;   // of the steps
};

// Follows one pass.
class NoiseRegret {
 public:
  NoiseRegret(const RegretSettings& settings, int32_t step_count);

  // The step to go on with, when `done` steps lie behind the latent: `done`, or fewer for a jump.
  int32_t Next(int32_t done);

 private:
  RegretSettings settings_;
  int32_t last_;  // no jump from here on
  int64_t repeated_ = 0;
};

// How many steps a pass of `step_count` makes in all.
int64_t StepsWithRegret(const RegretSettings& settings, int32_t step_count);

}  // namespace outpainter

#endif  // PATCHBAY_PLUGINS_OUTPAINTER_SRC_NOISE_REGRET_H_
