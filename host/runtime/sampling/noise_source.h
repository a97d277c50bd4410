#ifndef PATCHBAY_HOST_RUNTIME_SAMPLING_NOISE_SOURCE_H_
#define PATCHBAY_HOST_RUNTIME_SAMPLING_NOISE_SOURCE_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>

#include "host/base/compat_profile.h"

namespace patchbay {

// Where a job's random numbers come from: the same seed gives the same bits as the program whose
// profile is followed. All noise is fp32 on the CPU. One thread at a time.
//   diffusers: one CPU generator for everything, in the order of the pipeline's draws.
//   ComfyUI:   first noise from a CPU generator seeded with `seed`, noise of the steps from another
//              seeded with seed + 1 (what it does when it samples on a CPU, since version 0.6).
//   A1111:     one generator a picture, seeded with seed + i, numbers as an NVIDIA GPU draws them.
class NoiseSource {
 public:
  NoiseSource(CompatProfile profile, uint64_t seed);
  NoiseSource(NoiseSource&&) noexcept;
  NoiseSource& operator=(NoiseSource&&) noexcept;
  ~NoiseSource();

  // Noise for the start of a pass, or for the autoencoder: [B, ...].
  at::Tensor Draw(at::IntArrayRef shape);

  // Fresh noise during a pass.
  at::Tensor DrawForStep(at::IntArrayRef shape);

  // Noise of a Brownian path between two levels, scaled to unit variance (k-diffusion's
  // BrownianTreeNoiseSampler). sigma_min and sigma_max bound the levels of the pass.
  at::Tensor DrawFromPath(at::IntArrayRef shape, double sigma, double sigma_next, double sigma_min,
                          double sigma_max);

  // A new pass begins: paths start anew.
  void BeginPass();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_SAMPLING_NOISE_SOURCE_H_
