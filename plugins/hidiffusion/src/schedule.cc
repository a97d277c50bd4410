#include "schedule.h"

namespace hidiffusion {
namespace {

// The method's second profile is for four times the sides that the model was trained on: 2048
// pixels for the first kind of network, 4096 for the second.
bool IsVeryLarge(Network network, Size latent) {
  const int64_t side = network == Network::kAttentionFromTop ? 256 : 512;
  return latent.height >= side && latent.width >= side;
}

// Cut off after a product in double, as the official code does: at 90 steps 0.7 gives 62.
int32_t StepsOf(double share, int32_t step_count) {
  return static_cast<int32_t>(static_cast<double>(step_count) * share);
}

}  // namespace

Timing ChooseTiming(Network network, Size latent, bool few_steps, bool may_be_aggressive,
                    const TimingChoice& choice) {
  Timing timing;
  timing.aggressive_fraction = choice.aggressive_fraction;
  if (few_steps && network == Network::kAttentionBelow) {
    timing.t1 = 0.5;
    timing.pooling_only = true;
  } else if (IsVeryLarge(network, latent)) {
    timing.t1 = 0.7;
    timing.t2 = 0.3;
  } else {
    timing.aggressive = network == Network::kAttentionBelow && may_be_aggressive;
  }
  if (choice.t1 >= 0) timing.t1 = choice.t1;
  if (choice.t2 >= 0) timing.t2 = choice.t2;
  if (choice.aggressive != TimingChoice::Aggressive::kAuto) {
    timing.aggressive = choice.aggressive == TimingChoice::Aggressive::kOn;
  }
  return timing;
}

ActiveEdits EditsAt(Network network, const Timing& timing, int32_t step, int32_t step_count) {
  const bool before_t1 = step < StepsOf(timing.t1, step_count);
  const bool before_t2 = step < StepsOf(timing.t2, step_count);
  if (timing.pooling_only) return {.strided_convolution = false, .pooling = before_t1};
  if (network == Network::kAttentionFromTop) {
    return {.strided_convolution = before_t1, .pooling = before_t2};
  }
  if (!timing.aggressive) return {.strided_convolution = before_t2, .pooling = before_t1};
  const bool in_first_steps = step < StepsOf(timing.aggressive_fraction, step_count);
  return {.strided_convolution = in_first_steps, .pooling = !in_first_steps && before_t1};
}

}  // namespace hidiffusion
