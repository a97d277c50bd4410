#include "plugins/outpainter/src/adapt_action.h"

#include <c10/core/GradMode.h>
#include <patchbay/prediction_space.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "plugins/clip_vision/src/weights.h"
#include "plugins/filling/src/smooth_fill.h"
#include "plugins/safetensors/src/safetensors_bytes.h"
#include "plugins/training/src/content_hash.h"
#include "plugins/training/src/saved_training.h"
#include "plugins/training/src/seeded_draws.h"
#include "plugins/training/src/training_loop.h"

namespace outpainter {
namespace {

constexpr char kResume[] = "resume";
constexpr char kSteps[] = "steps";
constexpr float kMostSteps = 1e6F;
// How often the network is trained without the prompt, as it was before.
constexpr double kWithoutPrompt = 0.1;

int64_t RoundedUp(int64_t length, int64_t cell) { return (length + cell - 1) / cell * cell; }

// The picture on the canvas that it will be extended to.
TrainingPicture TargetOf(const AdaptSettings& wanted, int64_t cell) {
  const at::Tensor& rgba = wanted.picture.rgba;
  const Margins margins = {wanted.left, wanted.top, wanted.right, wanted.bottom};
  const bool is_opaque = rgba.narrow(1, 3, 1).min().item<float>() >= 0.5F;
  if (margins == Margins{0, 0, 0, 0} && !wanted.mask.rgba.defined() && is_opaque) {
    throw patchbay::Error(
        "picture: nothing would be painted; say by left, top, right and bottom how far it is to be "
        "extended, or give a mask");
  }
  const CanvasSize finished = {margins.top + rgba.size(2) + margins.bottom,
                               margins.left + rgba.size(3) + margins.right};
  const CanvasSize size = {RoundedUp(finished.height, cell), RoundedUp(finished.width, cell)};
  CheckPixels("picture: with left, top, right and bottom it", static_cast<double>(size.height),
              static_cast<double>(size.width), "extend it less");
  const Canvas canvas = PlaceOnCanvas(rgba, wanted.mask.rgba, margins, size, finished);
  return {canvas.picture, canvas.known};
}

// A square as large as the model's pictures, or as wanted, within the target's canvas.
CanvasSize PartSize(const patchbay::Model& model, const AdaptSettings& wanted,
                    const std::optional<TrainingPicture>& target) {
  const patchbay_model_info& info = model.info();
  const int64_t cell = info.pixels_per_latent_pixel;
  CanvasSize size = {info.native_latent_height * cell, info.native_latent_width * cell};
  if (wanted.side > 0) size = {RoundedUp(wanted.side, cell), RoundedUp(wanted.side, cell)};
  if (target) {
    size.height = std::min(size.height, target->picture.size(2));
    size.width = std::min(size.width, target->picture.size(3));
  }
  return size;
}

// A network for inpainting is shown what is hidden and the picture with grey under it.
void TellNetwork(const patchbay::Model& model, const TrainingPicture& part,
                 const at::Tensor& hidden) {
  const at::Tensor painted = at::maximum(hidden, 1 - part.known);
  const int64_t cell = model.info().pixels_per_latent_pixel;
  const at::Tensor mask =
      at::upsample_nearest2d(painted, {painted.size(2) / cell, painted.size(3) / cell});
  model.set_inpainting(mask, model.encode_picture(part.picture * (1 - painted)));
}

}  // namespace

void AdaptAction::Attach(patchbay::Attach& at) {
  base_model_ = at.model().fingerprint;
  parameters_["precision"] = training::PrecisionName(
      at.denoiser().site<patchbay::Operator>("conv_in").weight().scalar_type());
  const std::vector<patchbay::Operator> layers = AdaptedLayers(at.denoiser());
  for (size_t i = 0; i < layers.size(); ++i) {
    lora_.places.push_back(PlaceOf(layers[i]));
    layers[i].transform(
        [this, i](const patchbay::Step&, const at::Tensor& input, const at::Tensor& output) {
          return Changed(lora_, i, input, output, dropout_, draws_);
        });
  }
}

void AdaptAction::TakePictures(const patchbay::Model& model, const AdaptSettings& wanted) {
  training::ContentHash hash;
  const auto take = [&](const TrainingPicture& picture) {
    hash.Add(picture.picture);
    hash.Add(picture.known);
    return picture;
  };
  for (const at::Tensor& rgba : ReferencesOf(wanted)) {
    references_.push_back(take(LearnedFrom(rgba)));
    if (references_.back().known.max().item<float>() > 0) continue;
    throw patchbay::Error("reference" + std::to_string(references_.size()) +
                          ": all of the picture is transparent; give one that shows something");
  }
  if (wanted.picture.rgba.defined()) {
    target_ = take(TargetOf(wanted, model.info().pixels_per_latent_pixel));
  }
  size_ = PartSize(model, wanted, target_);
  for (size_t i = 0; i < references_.size(); ++i) {
    const auto [height, width] = LargestScaled(references_[i], size_);
    CheckPixels("reference" + std::to_string(i + 1) + ": scaled to cover a part of " +
                    std::to_string(size_.width) + "x" + std::to_string(size_.height) + " it",
                height, width, "cut it less narrow, or choose a smaller side");
  }
  parameters_["pictures"] = hash.Text();
}

void AdaptAction::Begin(const patchbay::Action& action, const AdaptSettings& wanted,
                        const OpenFile& open) {
  parameters_.merge(LastingParameters(wanted));
  parameters_["model"] = base_model_;
  dropout_ = wanted.dropout;
  optimizer_.learning_rate = wanted.learning_rate;
  lora_ = FreshLora(lora_.places, wanted.rank, training::GeneratorFor(wanted.seed, -1));
  optimizer_.Begin(lora_.tensors);
  if (!wanted.resume.path.empty()) Resume(open(wanted.resume));
  for (at::Tensor& tensor : lora_.tensors) tensor.requires_grad_(true);
  const int64_t cell = action.model().info().pixels_per_latent_pixel;
  action.set_prompts({.prompts = {wanted.prompt},
                      .seed = static_cast<uint64_t>(wanted.seed),
                      .latent_height = size_.height / cell,
                      .latent_width = size_.width / cell});
}

void AdaptAction::Resume(const patchbay::TensorFile& file) {
  std::map<std::string, std::string> metadata;
  for (const auto& [key, value] : training::ParameterMetadata(parameters_)) {
    metadata[key] = file.metadata(key);
  }
  training::CheckParameters(kResume, file.path(), metadata, parameters_);
  const clip_vision::Weights weights(file);
  const auto read = [&](const std::string& name, const std::vector<int64_t>& shape) {
    try {
      return weights.Read(name, shape);
    } catch (const patchbay::Error& error) {
      throw patchbay::Error(std::string(kResume) + ": " + error.what());
    }
  };
  const std::vector<std::string> names = TensorNames(lora_);
  for (size_t i = 0; i < names.size(); ++i) {
    lora_.tensors[i] = read(names[i], lora_.tensors[i].sizes().vec());
  }
  training::ReadMoments(read, names, lora_.tensors, optimizer_);
  const auto steps = read(kSteps, {}).item<float>();
  if (!(steps >= 1) || !(steps <= kMostSteps)) {
    throw patchbay::Error(std::string(kResume) + ": " + file.path() + " says that " +
                          std::to_string(steps) + " steps were made, which cannot be");
  }
  optimizer_.steps = static_cast<int64_t>(steps);
}

at::Tensor AdaptAction::Loss(const patchbay::Model& model) {
  const int64_t choices = static_cast<int64_t>(references_.size()) + (target_ ? 1 : 0);
  const int64_t chosen = training::DrawBelow(choices, draws_);
  const TrainingPicture part =
      chosen < static_cast<int64_t>(references_.size())
          ? CutFromScaled(references_[static_cast<size_t>(chosen)], size_, draws_)
          : CutAroundKnown(*target_, size_, draws_);
  const double sigma = model.sigma_of_timestep(
      static_cast<double>(training::DrawBelow(model.info().training_steps, draws_)));
  const bool with_prompt = at::rand({1}, draws_, at::kDouble).item<double>() >= kWithoutPrompt;
  if (model.takes_mask()) TellNetwork(model, part, DrawHidden(size_, draws_));
  const at::Tensor clean = model.encode_picture(part.picture).to(at::kFloat).cpu();
  const at::Tensor noise = at::randn(clean.sizes(), draws_, clean.options());
  const at::Tensor denoised =
      model.denoise({.latent = clean + sigma * noise,
                     .sigma = sigma,
                     .role = with_prompt ? PATCHBAY_ROW_CONDITIONAL : PATCHBAY_ROW_UNCONDITIONAL,
                     .with_gradients = true});
  const double of_denoised = patchbay::native_space(model.info(), sigma).of_denoised;
  const at::Tensor counts = filling::KnownCells(part.known, model.info().pixels_per_latent_pixel);
  return (((denoised.cpu() - clean) * of_denoised).square() * counts).mean();
}

double AdaptAction::TrainStep(const patchbay::Action& action, const AdaptSettings& wanted) {
  draws_ = training::GeneratorFor(wanted.seed, optimizer_.steps);
  std::vector<training::Slope> slopes;
  for (int64_t i = 0; i < wanted.pictures_per_step; ++i) {
    action.check_cancelled();
    const c10::AutoGradMode gradients_on(true);
    slopes.push_back(training::SlopeOf(Loss(action.model()), lora_.tensors));
  }
  training::Slope mean = training::MeanOf(std::move(slopes));
  const double loss = mean.loss;
  training::Descend(std::move(mean), lora_.tensors, optimizer_);
  return loss;
}

std::string AdaptAction::StateBytes() const {
  std::map<std::string, at::Tensor> tensors = NamedTensors(lora_);
  training::AddMoments(TensorNames(lora_), optimizer_, tensors);
  tensors[kSteps] = at::full({}, static_cast<double>(optimizer_.steps), at::kFloat);
  return safetensors::SafetensorsBytes(tensors, training::ParameterMetadata(parameters_));
}

void AdaptAction::Run(const patchbay::Action& action, const AdaptSettings& wanted,
                      const OpenFile& open) {
  TakePictures(action.model(), wanted);
  Begin(action, wanted, open);
  training::Train(
      action, {wanted.steps, wanted.save_every}, optimizer_,
      [&] { return TrainStep(action, wanted); },
      [&] { action.result("state.safetensors", StateBytes()); });
  action.result("lora.safetensors", safetensors::SafetensorsBytes(ExportedTensors(lora_),
                                                                  {{"base_model", base_model_}}));
}

}  // namespace outpainter
