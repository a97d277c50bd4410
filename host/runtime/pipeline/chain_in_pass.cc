#include "host/runtime/pipeline/chain_in_pass.h"

#include <utility>

namespace patchbay {

ChainInPass::ChainInPass(const ModelHooks& hooks, PassDescription description,
                         std::vector<PluginInPass> plugins)
    : hooks_(hooks), description_(std::move(description)), plugins_(std::move(plugins)) {
  step_.struct_size = sizeof(step_);
  step_.pass = description_.kind;
  step_.step_count = static_cast<int32_t>(description_.sigmas.size()) - 1;
  step_.flags = description_.flags;
  step_.sampler = description_.sampler.c_str();
  step_.sigmas = description_.sigmas.data();
  step_.seeds = description_.seeds.data();
  step_.picture_count = static_cast<uint32_t>(description_.seeds.size());
  step_.latent_height = description_.latent_height;
  step_.latent_width = description_.latent_width;
  step_.native_latent_height = description_.native_latent;
  step_.native_latent_width = description_.native_latent;
}

ChainInPass::~ChainInPass() {
  while (begun_ > 0) {
    const SamplingHooks::PassState& state = hooks_.sampling.pass_states[--begun_];
    state.end(plugins_[state.plugin].pass_state);
  }
}

void ChainInPass::Begin(double guidance_scale) {
  step_.guidance_scale = guidance_scale;
  step_.sigma = description_.sigmas.front();
  step_.sigma_next = step_.step_count > 0 ? description_.sigmas[1] : step_.sigma;
  network_step_ = step_;
  for (const SamplingHooks::PassState& state : hooks_.sampling.pass_states) {
    plugins_[state.plugin].pass_state = state.begin(at());
    ++begun_;
  }
}

bool ChainInPass::wants_predictions() const {
  const SamplingHooks& sampling = hooks_.sampling;
  return sampling.requires_unconditional || !sampling.guidance.empty() ||
         !sampling.denoise.empty() || !sampling.after_step.empty();
}

void ChainInPass::BeginStep(int32_t index, double sigma, double sigma_next, double timestep) {
  step_.index = index;
  step_.evaluation_index = 0;
  step_.timestep = timestep;
  step_.sigma = sigma;
  step_.sigma_next = sigma_next;
  network_step_ = step_;
  network_step_.evaluation_index = -1;
}

void ChainInPass::BeginEvaluation(double sigma, double timestep) {
  const int32_t evaluation = network_step_.evaluation_index + 1;
  network_step_ = step_;
  network_step_.evaluation_index = evaluation;
  network_step_.evaluation_kind = PATCHBAY_EVALUATION_MAIN;
  network_step_.sigma = sigma;
  network_step_.timestep = timestep;
}

patchbay_step ChainInPass::AuxiliaryStep(double sigma, double timestep, uint32_t overlay) const {
  patchbay_step step = network_step_;
  step.evaluation_kind = PATCHBAY_EVALUATION_AUXILIARY;
  step.sigma = sigma;
  step.timestep = timestep;
  step.overlay = overlay;
  return step;
}

at::Tensor ChainInPass::Edit(const std::vector<SamplingHooks::LatentEdit>& edits,
                             at::Tensor latent) const {
  for (const SamplingHooks::LatentEdit& edit : edits) {
    at::Tensor edited = edit(at(), latent);
    if (edited.defined()) latent = std::move(edited);
  }
  return latent;
}

double ChainInPass::GuidanceScale(double scale) {
  for (const auto& edit : hooks_.sampling.guidance_scale) scale = edit(InNetwork(), scale);
  network_step_.guidance_scale = scale;
  return scale;
}

void ChainInPass::Guide(PredictionSet& predictions) const {
  for (const auto& edit : hooks_.sampling.guidance) {
    at::Tensor edited = edit(InNetwork(), predictions);
    if (edited.defined()) predictions.guided = std::move(edited);
  }
}

DenoisedPair ChainInPass::Denoise(const at::Tensor& latent,
                                  const SamplingHooks::InnerDenoise& inner) const {
  return DenoiseFrom(0, latent, 0, inner);
}

DenoisedPair ChainInPass::DenoiseFrom(size_t hook, const at::Tensor& latent, int64_t first,
                                      const SamplingHooks::InnerDenoise& inner) const {
  if (hook == hooks_.sampling.denoise.size()) return inner(latent, first);
  const patchbay_step step = OfPictures(network_step_, first, latent.size(0));
  return hooks_.sampling.denoise[hook]({step, plugins_}, latent,
                                       [&](const at::Tensor& x, int64_t further) {
                                         return DenoiseFrom(hook + 1, x, first + further, inner);
                                       });
}

int32_t ChainInPass::AfterStep(const PredictionSet& last, at::Tensor& x) const {
  int32_t next = step_.index + 1;
  for (const auto& edit : hooks_.sampling.after_step) {
    at::Tensor edited = edit(at(), x, last, next);
    if (edited.defined()) x = std::move(edited);
  }
  return next;
}

}  // namespace patchbay
