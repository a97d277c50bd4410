#ifndef PATCHBAY_HOST_RUNTIME_SAMPLING_SAMPLER_H_
#define PATCHBAY_HOST_RUNTIME_SAMPLING_SAMPLER_H_

#include <ATen/ATen.h>

#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "host/base/compat_profile.h"
#include "host/runtime/sampling/sampling_plan.h"

namespace patchbay {

// The denoiser as samplers see it: the expected clean latent for a noisy one. All latents here are
// x = clean + sigma * noise, [B, C, H, W] in fp32.
using Denoise = absl::FunctionRef<absl::StatusOr<at::Tensor>(const at::Tensor& x, double sigma,
                                                             double timestep)>;
// Unit-variance noise like x, for the way from one level to another.
using DrawNoise =
    absl::FunctionRef<at::Tensor(const at::Tensor& x, double sigma, double sigma_next)>;

// What a step may use.
struct StepContext {
  const SamplingPlan& plan;
  Denoise denoise;
  DrawNoise draw_noise;
};

// Takes latents from step to step of a plan. Keeps what its method remembers of earlier steps; one
// pass, one thread.
class Sampler {
 public:
  virtual ~Sampler() = default;
  // Takes x from the level of plan.steps[index] to the one that the step leads to.
  virtual absl::StatusOr<at::Tensor> Step(size_t index, const at::Tensor& x,
                                          const StepContext& context) = 0;
  // The next step does not continue the last one: forget what came before.
  virtual void Forget() {}
};

struct SamplerOptions {
  CompatProfile compat = CompatProfile::kDiffusers;
  // Share of fresh noise: DDIM's eta (arXiv:2010.02502, equation 16), how far ancestral samplers
  // go, the diffusion's strength in SDE samplers. 1 is the method as published, except for DDIM
  // (0).
  double eta = 0;
  NoiseScheduleConfig config;
};

// Whether the sampler draws noise at its steps and eta says how much.
bool UsesEta(const std::string& name);

// What eta is unless the user says otherwise.
double DefaultEta(const std::string& sampler);

// `name` is one of KnownSamplers(); NOT_FOUND otherwise.
absl::StatusOr<std::unique_ptr<Sampler>> MakeSampler(const std::string& name,
                                                     const SamplerOptions& options);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_SAMPLING_SAMPLER_H_
