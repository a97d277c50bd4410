#ifndef PATCHBAY_PLUGINS_HIDIFFUSION_SRC_SCHEDULE_H_
#define PATCHBAY_PLUGINS_HIDIFFUSION_SRC_SCHEDULE_H_

#include <cstdint>

namespace hidiffusion {

// The two shapes of network that the method knows.
enum class Network {
  kAttentionFromTop,  // Stable Diffusion 1.x and 2.x: attention at the latent's own resolution
  kAttentionBelow,    // SDXL: none there
};

// How the resolution-aware U-Net is timed; the official defaults depend on network and size.
struct Timing {
  // Shares of the steps. The first governs the edit that stays longer: the strided convolution in
  // the first kind of network, pooling in the second.
  double t1 = 0.4;
  double t2 = 0.0;
  // SDXL at its usual sizes: the strided convolution in the first steps, pooling after them.
  bool aggressive = false;
  double aggressive_fraction = 0.16;
  // Distilled models for few steps: pooling only.
  bool pooling_only = false;
};

struct Size {
  int64_t height = 0;
  int64_t width = 0;
};

struct TimingChoice {
  double t1 = -1;  // negative: the official default
  double t2 = -1;
  enum class Aggressive { kAuto, kOn, kOff } aggressive = Aggressive::kAuto;
  double aggressive_fraction = 0.16;
};

// few_steps: a distilled model. may_be_aggressive: not for inpainting models, nor for Playground.
Timing ChooseTiming(Network network, Size latent, bool few_steps, bool may_be_aggressive,
                    const TimingChoice& choice);

// Which edits are active at a step.
struct ActiveEdits {
  bool strided_convolution = false;
  bool pooling = false;
};

// step: 0..step_count-1, of the steps that are really made.
ActiveEdits EditsAt(Network network, const Timing& timing, int32_t step, int32_t step_count);

}  // namespace hidiffusion

#endif  // PATCHBAY_PLUGINS_HIDIFFUSION_SRC_SCHEDULE_H_
