#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_CHAIN_IN_PASS_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_CHAIN_IN_PASS_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/runtime/hooks/sampling_hooks.h"

namespace patchbay {

// What a pass tells its hooks, apart from what changes with each step.
struct PassDescription {
  patchbay_pass_kind kind = PATCHBAY_PASS_FIRST;
  uint32_t flags = 0;           // PATCHBAY_STEP_...
  std::string sampler;          // its canonical name
  std::vector<uint64_t> seeds;  // one for each picture
  std::vector<double> sigmas;   // before each step, and after the last
  int64_t latent_height = 0;
  int64_t latent_width = 0;
  int64_t native_latent = 0;  // side of the pictures that the model was trained on
};

// A chain of plugins in one pass: their states, and the step they are told of. Ends the states when
// it goes out of scope, however the pass ended. One thread. All functions throw HookFailure.
class ChainInPass {
 public:
  // `hooks` must outlive the object. `plugins`: what each has before the pass begins, by its place.
  ChainInPass(const ModelHooks& hooks, PassDescription description,
              std::vector<PluginInPass> plugins);
  ~ChainInPass();
  ChainInPass(const ChainInPass&) = delete;
  ChainInPass& operator=(const ChainInPass&) = delete;

  // Makes the plugins' states.
  void Begin(double guidance_scale);

  const ModelHooks& hooks() const { return hooks_; }
  // Whether the predictions of each evaluation are wanted one by one.
  bool wants_predictions() const;

  // The step that follows; evaluations are counted from 0 again.
  void BeginStep(int32_t index, double sigma, double sigma_next, double timestep);
  // The sampler's next run of the network, at this level.
  void BeginEvaluation(double sigma, double timestep);

  // Outside of the network, and for the network's own runs (rows are added by whoever makes them).
  Evaluation at() const { return {step_, plugins_}; }
  Evaluation InNetwork() const { return {network_step_, plugins_}; }
  // For a run beside the sampler.
  patchbay_step AuxiliaryStep(double sigma, double timestep, uint32_t overlay) const;
  absl::Span<const PluginInPass> plugins() const { return plugins_; }

  at::Tensor Edit(const std::vector<SamplingHooks::LatentEdit>& edits, at::Tensor latent) const;
  double GuidanceScale(double scale);
  // Edits predictions.guided.
  void Guide(PredictionSet& predictions) const;
  // `inner` may be asked about some of the pictures alone, and must narrow the step to them.
  DenoisedPair Denoise(const at::Tensor& latent, const SamplingHooks::InnerDenoise& inner) const;
  // Edits x; gives the step that follows.
  int32_t AfterStep(const PredictionSet& last, at::Tensor& x) const;

 private:
  // first: the pass's picture that the latent begins with.
  DenoisedPair DenoiseFrom(size_t hook, const at::Tensor& latent, int64_t first,
                           const SamplingHooks::InnerDenoise& inner) const;

  const ModelHooks& hooks_;
  const PassDescription description_;
  std::vector<PluginInPass> plugins_;
  size_t begun_ = 0;              // how many of hooks_.sampling.pass_states
  patchbay_step step_{};          // between runs of the network
  patchbay_step network_step_{};  // in one
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_CHAIN_IN_PASS_H_
