#ifndef PATCHBAY_HOST_RUNTIME_SAMPLING_SAMPLER_H_
#define PATCHBAY_HOST_RUNTIME_SAMPLING_SAMPLER_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/runtime/sampling/sampling_plan.h"

namespace patchbay {

// The denoiser as samplers see it: the expected clean latent for a noisy one. All latents here are
// x = clean + sigma * noise, [B, C, H, W] in fp32.
using Denoise = absl::FunctionRef<absl::StatusOr<at::Tensor>(const at::Tensor& x, double sigma,
                                                             double timestep)>;
// Fresh unit-variance noise like x.
using DrawNoise = absl::FunctionRef<at::Tensor(const at::Tensor& x)>;
// After each step: its index and the latent that it led to, which may be replaced. An error ends
// the pass.
using AfterStep = absl::FunctionRef<absl::Status(size_t step, at::Tensor& x)>;

struct SamplerOptions {
  // Share of fresh noise: DDIM's eta (arXiv:2010.02502, equation 16), or how far ancestral samplers
  // go.
  double eta = 0;
};

// The known samplers, for messages.
std::string SamplerNames();

// Takes x through all steps of a plan. Errors: NOT_FOUND for an unknown sampler, and whatever
// `denoise` and `after_step` return.
absl::StatusOr<at::Tensor> RunSampler(const std::string& sampler, const SamplerOptions& options,
                                      const SamplingPlan& plan, at::Tensor x, Denoise denoise,
                                      DrawNoise draw_noise, AfterStep after_step);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_SAMPLING_SAMPLER_H_
