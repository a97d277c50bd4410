#ifndef PATCHBAY_HOST_RUNTIME_HOOKS_SAMPLING_HOOKS_H_
#define PATCHBAY_HOST_RUNTIME_HOOKS_SAMPLING_HOOKS_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "host/runtime/hooks/denoiser_hooks.h"
#include "host/runtime/hooks/evaluation.h"

namespace patchbay {

// What the network has said of one latent, as clean latents [B, C, h, w] in fp32.
struct PredictionSet {
  at::Tensor latent;
  double sigma = 0;
  at::Tensor conditional;
  at::Tensor unconditional;  // undefined where it was not computed
  at::Tensor guided;
  double guidance_scale = 1;
};

// The conditional and the unconditional prediction of one evaluation.
struct DenoisedPair {
  at::Tensor conditional;
  at::Tensor unconditional;  // undefined where it is not needed
};

// What a chain hangs on the sampling of a pass; in the chain's order. A function that leaves its
// tensor as it is returns it, or an undefined tensor. Functions report errors by throwing
// HookFailure.
struct SamplingHooks {
  using LatentEdit = std::function<at::Tensor(const Evaluation&, const at::Tensor& latent)>;
  // For the pictures from `first` on among those that the hook was given, as many as `latent` has.
  using InnerDenoise = std::function<DenoisedPair(const at::Tensor& latent, int64_t first)>;

  // One for each plugin that keeps a state: its place in the chain, what makes the state, and what
  // ends it.
  struct PassState {
    size_t plugin = 0;
    std::function<void*(const Evaluation&)> begin;
    std::function<void(void* state)> end;
  };
  std::vector<PassState> pass_states;

  bool requires_unconditional = false;
  std::vector<LatentEdit> first_latent;
  std::vector<LatentEdit> before_step;
  std::vector<LatentEdit> last_latent;
  std::vector<LatentEdit> picture;
  std::vector<std::function<double(const Evaluation&, double scale)>> guidance_scale;
  std::vector<std::function<at::Tensor(const Evaluation&, const PredictionSet&)>> guidance;
  // `next` holds the step that follows and may be changed.
  std::vector<std::function<at::Tensor(const Evaluation&, const at::Tensor& latent,
                                       const PredictionSet& last, int32_t& next)>>
      after_step;
  // The first stands outermost.
  std::vector<std::function<DenoisedPair(const Evaluation&, const at::Tensor& latent,
                                         const InnerDenoise& inner)>>
      denoise;
  std::vector<std::function<at::Tensor(const Evaluation&, patchbay_row_role role,
                                       const at::Tensor& hidden_states)>>
      conditioning;
};

// A chain as one model's jobs see it. Immutable; shared by jobs.
struct ModelHooks {
  // What exactly runs, for pictures' metadata: plugins, versions, settings, builds.
  std::string text;
  // Each plugin's id, by its place in the chain.
  std::vector<std::string> plugin_ids;
  DenoiserHooks denoiser;
  SamplingHooks sampling;
  // Called when the host begins to compute what a plugin's hook has asked for, and when it ends to,
  // on the same thread: what goes wrong meanwhile is not the plugin's. Empty where nobody watches.
  std::function<void(int32_t step)> host_begins;
  std::function<void()> host_ends;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_HOOKS_SAMPLING_HOOKS_H_
