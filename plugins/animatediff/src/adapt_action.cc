#include "plugins/animatediff/src/adapt_action.h"

#include <c10/core/GradMode.h>
#include <patchbay/prediction_space.h>

#include <algorithm>
#include <string>

#include "plugins/animatediff/src/checkpointed_motion.h"
#include "plugins/animatediff/src/pattern_mask.h"
#include "plugins/training/src/saved_training.h"
#include "plugins/training/src/seeded_draws.h"
#include "plugins/training/src/training_loop.h"

namespace animatediff {
namespace {

// Of the authors' code (scripts/train_outpaint.py), for rank 16: the LoRA's factor and the
// deviation of `down` at the beginning.
constexpr double kMultiplier = 8;
constexpr double kDownDeviation = 1.0 / 16;

constexpr int64_t kUsualFrames = 16;

std::vector<ModuleLora> FreshLoras(const MotionFile& file, int64_t rank, int64_t seed) {
  const at::Generator generator = training::GeneratorFor(seed, -1);
  std::vector<ModuleLora> loras;
  for (const std::optional<MotionModule>& module : file.modules) {
    ModuleLora& lora = loras.emplace_back();
    if (!module) continue;
    lora = EmptyLora(*module);
    for (const LoraPlace& place : PlacesOf(*module, lora)) {
      place.change->down = at::randn({rank, place.inputs}, generator) * kDownDeviation;
      place.change->up = at::zeros({place.outputs, rank});
    }
  }
  return loras;
}

// The frames of one training step, with noise.
struct Sample {
  at::Tensor clean;   // [L, C, h, w]
  at::Tensor latent;  // likewise, at noise level sigma
  double sigma = 0;
  at::Tensor frames;         // [L, 3, H, W]
  at::Tensor known;          // [L, 1, h, w]: cells that the clip shows
  at::Tensor unknown;        // [1, 1, H, W]
  at::Tensor unknown_cells;  // [1, 1, h, w]
};

Sample DrawSample(const patchbay::Model& model, const AdaptSettings& wanted,
                  const TrainingClip& clip, int64_t frames, int64_t step) {
  const at::Generator generator = training::GeneratorFor(wanted.seed, step);
  const int64_t span = (frames - 1) * wanted.frame_stride + 1;
  const int64_t first = training::DrawBelow(clip.latents.size(0) - span + 1, generator);
  const auto cut = [&](const at::Tensor& of_clip) {
    return of_clip.slice(0, first, first + span, wanted.frame_stride);
  };
  Sample sample;
  sample.clean = cut(clip.latents);
  sample.frames = cut(clip.frames);
  sample.known = cut(clip.known);
  const int64_t timestep = training::DrawBelow(model.info().training_steps, generator);
  sample.sigma = model.sigma_of_timestep(static_cast<double>(timestep));
  sample.unknown = UnknownPixels(
      DrawMargins(wanted.mask_least, wanted.mask_most, clip.size(), generator), clip.size());
  sample.unknown_cells = UnknownCells(sample.unknown, model.info().pixels_per_latent_pixel);
  at::Tensor noise = at::randn(sample.clean.sizes(), generator, sample.clean.options());
  if (wanted.shared_noise) noise = noise.slice(0, 0, 1).expand_as(noise);
  sample.latent = sample.clean + sample.sigma * noise;
  return sample;
}

// A network for inpainting is shown the mask and the frames with grey under it.
void TellNetwork(const patchbay::Model& model, const Sample& sample) {
  if (!model.takes_mask()) return;
  const at::Tensor known = sample.frames * (1 - sample.unknown);
  std::vector<at::Tensor> latents;
  for (int64_t i = 0; i < known.size(0); ++i) {
    latents.push_back(model.encode_picture(known.narrow(0, i, 1)));
  }
  model.set_inpainting(sample.unknown_cells, at::cat(latents));
}

// The mean squared error of what the network itself predicts.
at::Tensor LossOf(const patchbay::Model& model, const Sample& sample, const at::Tensor& denoised,
                  LossPlace place) {
  const double of_denoised = patchbay::native_space(model.info(), sample.sigma).of_denoised;
  const at::Tensor error = (denoised.cpu() - sample.clean) * of_denoised;
  at::Tensor counts = sample.known;
  if (place == LossPlace::kUnknown) {
    const at::Tensor hidden = sample.known * sample.unknown_cells;
    if (hidden.sum().item<double>() > 0) counts = hidden;
  }
  const auto channels = static_cast<double>(error.size(1));
  return (error.square() * counts).sum() / (counts.sum() * channels);
}

}  // namespace

void AdaptAction::Attach(patchbay::Attach& at, const Settings& settings) {
  if (!settings.lora.path.empty()) {
    throw patchbay::Error(
        "lora: adapt trains one of its own; leave it empty, or go on with a run by resume");
  }
  if (settings.scale == 0) {
    throw patchbay::Error("scale: at 0 the modules do nothing, and nothing can be trained");
  }
  const MotionSites sites = MotionSitesOf(at.denoiser());
  places_ = sites.places;
  options_ = OptionsOf(at.denoiser());
  state_.adaptation.facts.base_model = at.model().fingerprint;
  scale_ = settings.scale;
  if (settings.groupnorm_over_frames) at.require_norms_over_pictures();
  for (size_t i = 0; i < sites.sites.size(); ++i) {
    sites.sites[i].after([this, i](const patchbay::Step& step, const at::Tensor& features) {
      return Edited(step, features, i);
    });
  }
}

at::Tensor AdaptAction::Edited(const patchbay::Step& step, const at::Tensor& features,
                               size_t place) const {
  if (file_.modules.empty() || !file_.modules[place]) return {};
  LoraUse use;
  use.multiplier = kMultiplier;
  use.lora = &state_.adaptation.modules[place];
  const MotionModule& module = *file_.modules[place];
  const at::Tensor added = c10::GradMode::is_enabled()
                               ? CheckpointedMotion(module, features, step.picture_count, use)
                               : AddedMotion(module, features, step.picture_count, use);
  return features + scale_ * added;
}

void AdaptAction::Begin(const patchbay::Action& action, const AdaptSettings& wanted,
                        const Settings& settings, const TrainingClip& clip, const OpenFile& open) {
  Adaptation& adaptation = state_.adaptation;
  adaptation.facts.rank = wanted.rank;
  adaptation.facts.multiplier = kMultiplier;
  adaptation.facts.module = file_.hash;
  adaptation.facts.clip = clip.hash;
  adaptation.facts.least_mask = wanted.mask_least;
  adaptation.facts.most_mask = wanted.mask_most;
  adaptation.facts.groupnorm_over_frames = settings.groupnorm_over_frames;
  adaptation.facts.shared_noise = wanted.shared_noise;
  state_.parameters = LastingParameters(wanted, settings);
  state_.parameters["precision"] = training::PrecisionName(options_.dtype().toScalarType());
  state_.optimizer.learning_rate = wanted.learning_rate;
  if (wanted.resume.path.empty()) {
    adaptation.modules = FreshLoras(file_, wanted.rank, wanted.seed);
    state_.optimizer.Begin(TensorsOf(adaptation));
  } else {
    const patchbay::TensorFile file = open(wanted.resume);
    std::map<std::string, std::string> metadata;
    for (const std::string& key : StateKeys(state_.parameters)) metadata[key] = file.metadata(key);
    state_ = ReadState(clip_vision::Weights(file), metadata, file_, state_);
  }
  for (at::Tensor& tensor : TensorsOf(adaptation)) tensor.requires_grad_(true);
  action.set_prompts(
      {.prompts = std::vector<std::string>(static_cast<size_t>(frames_), wanted.prompt),
       .seed = static_cast<uint64_t>(wanted.seed),
       .latent_height = clip.known.size(2),
       .latent_width = clip.known.size(3)});
}

double AdaptAction::TrainStep(const patchbay::Action& action, const AdaptSettings& wanted,
                              const TrainingClip& clip) {
  const patchbay::Model model = action.model();
  const Sample sample = DrawSample(model, wanted, clip, frames_, state_.adaptation.facts.steps);
  TellNetwork(model, sample);
  const std::vector<at::Tensor> parameters = TensorsOf(state_.adaptation);
  const c10::AutoGradMode gradients_on(true);
  const at::Tensor denoised =
      model.denoise({.latent = sample.latent, .sigma = sample.sigma, .with_gradients = true});
  const at::Tensor loss = LossOf(model, sample, denoised, wanted.loss);
  const training::Slope slope = training::SlopeOf(loss, parameters);
  training::Descend(slope, parameters, state_.optimizer);
  state_.adaptation.facts.steps = state_.optimizer.steps;
  return slope.loss;
}

void AdaptAction::OpenModule(const AdaptSettings& wanted, const Settings& settings,
                             const OpenFile& open) {
  const patchbay::File& module = wanted.module.path.empty() ? settings.module : wanted.module;
  if (module.path.empty()) {
    throw patchbay::Error(
        "there is no motion module; give one, as in module=mm_sd_v15_v2.safetensors");
  }
  file_ = OpenMotionFile(open(module), settings.module_norm, places_, options_);
}

void AdaptAction::CountFrames(const AdaptSettings& wanted) {
  const int64_t longest = file_.longest_window;
  if (wanted.frames_at_once > longest) {
    throw patchbay::Error("frames_at_once: " + std::to_string(wanted.frames_at_once) +
                          " frames are more than this motion module was made for, which has "
                          "positions for " +
                          std::to_string(longest) + "; choose fewer");
  }
  frames_ = wanted.frames_at_once;
  if (frames_ > 0) return;
  const int64_t in_clip = wanted.frames.rgba.defined() ? wanted.frames.rgba.size(0) : 1;
  const int64_t of_clip = (in_clip + wanted.frame_stride - 1) / wanted.frame_stride;
  if (of_clip == 1 && in_clip > 1) {
    throw patchbay::Error("frame_stride: the clip's " + std::to_string(in_clip) +
                          " frames have no two that are " + std::to_string(wanted.frame_stride) +
                          " apart; choose a smaller one");
  }
  frames_ = std::min({kUsualFrames, longest, of_clip});
}

void AdaptAction::Run(const patchbay::Action& action, const AdaptSettings& wanted,
                      const Settings& settings, const OpenFile& open) {
  CheckAdapt(wanted);
  OpenModule(wanted, settings, open);
  CountFrames(wanted);
  TrainingClip clip =
      TakeClip(action.model(), wanted.frames.rgba, (frames_ - 1) * wanted.frame_stride + 1);
  Begin(action, wanted, settings, clip, open);
  EncodeClip(action, clip);
  training::Train(
      action, {wanted.steps, wanted.save_every}, state_.optimizer,
      [&] { return TrainStep(action, wanted, clip); },
      [&] { action.result("state.safetensors", StateBytes(file_, state_)); });
  action.result("adaptation.safetensors", AdaptationBytes(file_, state_.adaptation));
}

}  // namespace animatediff
