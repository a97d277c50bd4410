#include "measure_action.h"

#include <algorithm>
#include <cmath>

#include "sensitivity_plot.h"

namespace quantizer {
namespace {

using Mode = TrialDenoiser::Mode;

at::Tensor Foreseen(const patchbay::Action& action, const at::Tensor& latent, double sigma) {
  patchbay::Evaluation question;
  question.latent = latent;
  question.sigma = sigma;
  return action.model().denoise(question);
}

// The noise that the network sees: its output, up to a factor and the latent itself.
at::Tensor NoiseIn(const at::Tensor& latent, const at::Tensor& clean, double sigma) {
  return (latent.to(at::kFloat).cpu() - clean.cpu()) / sigma;
}

// Whether the step is one of `wanted` ones that are spread evenly over the pass.
bool IsPoint(const patchbay_step& step, int64_t wanted) {
  for (int64_t i = 0; i < wanted; ++i) {
    if ((2 * i + 1) * step.step_count / (2 * wanted) == step.index) return true;
  }
  return false;
}

}  // namespace

void MeasureAction::Describe(patchbay::ActionFields<MeasureSettings>& d) {
  d.title("Measure sensitivity")
      .help(
          "Quantises one layer after the other and makes sensitivity.json, with what that changes, "
          "for the action allocate.");
  DescribeDrawing(d);
  d.field<7>(&MeasureSettings::points, "points")
      .label("Points")
      .range(1, 100)
      .soft_range(1, 8)
      .help("At how many steps of each picture the network is asked.");
}

void MeasureAction::Attach(patchbay::Attach& at, const Settings& settings) {
  denoiser_.Attach(at, settings);
  at.before_step([this](const patchbay::Step& step, at::Tensor& latent) {
    if (!IsPoint(step, points_wanted_) || step.sigma <= 0) return;
    points_.push_back({latent.clone(), step.sigma, {}, {}});
  });
}

void MeasureAction::Draw(const patchbay::Action& action, const MeasureSettings& settings,
                         const std::string& prompt, int64_t index) {
  points_.clear();
  denoiser_.Reset();
  SetPicture(action, settings, prompt, index);
  points_wanted_ = std::min(settings.points, settings.steps);
  action.draw(PassOf(settings));
  points_wanted_ = 0;
  if (points_.empty()) throw patchbay::Error("the sampler made no step");
  for (Point& point : points_) {
    const at::Tensor clean = Foreseen(action, point.latent, point.sigma);
    point.output = NoiseIn(point.latent, clean, point.sigma);
    point.picture = action.model().decode_latent(clean);
  }
}

std::vector<MeasureAction::Trial> MeasureAction::Trials() {
  std::vector<Trial> trials;
  for (const auto& layer : denoiser_.layers()) {
    const LayerClass layer_class = ClassOf(layer->facts.diffusers_name);
    for (const auto& [mode, bits] : {std::pair{Mode::kQuantizedWeight, 8},
                                     {Mode::kQuantizedWeight, 4},
                                     {Mode::kQuantizedInput, 8}}) {
      Trial& trial = trials.emplace_back();
      trial.layer = layer.get();
      trial.mode = mode;
      trial.bits = bits;
      trial.layer_class = layer_class;
    }
  }
  return trials;
}

void MeasureAction::Try(const patchbay::Action& action, Trial& trial) {
  denoiser_.Reset();
  trial.layer->mode = trial.mode;
  trial.layer->bits = trial.bits;
  for (const Point& point : points_) {
    const at::Tensor clean = Foreseen(action, point.latent, point.sigma);
    if (trial.layer_class == LayerClass::kQuality) {
      trial.noise.Add(point.output, NoiseIn(point.latent, clean, point.sigma));
    } else {
      trial.similarity += StructuralSimilarity(point.picture, action.model().decode_latent(clean));
      ++trial.similarities;
    }
  }
  denoiser_.Reset();
}

void MeasureAction::Run(const patchbay::Action& action, const MeasureSettings& settings) {
  const std::vector<std::string> prompts = PromptsOf(settings);
  std::vector<Trial> trials = Trials();
  if (trials.empty()) throw patchbay::Error("keep: leaves no layer to quantise");
  const double all = static_cast<double>(prompts.size() * trials.size());
  double done = 0;
  for (size_t i = 0; i < prompts.size(); ++i) {
    const std::string of =
        "picture " + std::to_string(i + 1) + " of " + std::to_string(prompts.size()) + ", ";
    action.progress(done / all, of + "drawing");
    Draw(action, settings, prompts[i], static_cast<int64_t>(i));
    for (Trial& trial : trials) {
      action.progress(done++ / all, of + trial.layer->facts.diffusers_name);
      // What the model never runs cannot be measured.
      if (trial.layer->inputs > 0) Try(action, trial);
    }
  }
  const Sensitivity sensitivity = Result(action.model().info().fingerprint, trials);
  std::vector<std::string> names;
  for (const auto& layer : denoiser_.layers()) {
    const std::string& name = layer->facts.diffusers_name;
    if (sensitivity.layers.count(name) != 0) names.push_back(name);
  }
  action.result("sensitivity.svg", PlotSensitivity(sensitivity, names));
  action.result("sensitivity.json", WriteSensitivity(sensitivity));
}

Sensitivity MeasureAction::Result(const std::string& model,
                                  const std::vector<Trial>& trials) const {
  Sensitivity sensitivity;
  sensitivity.model = model;
  for (const Trial& trial : trials) {
    if (trial.layer->inputs == 0) continue;
    LayerSensitivity& layer = sensitivity.layers[trial.layer->facts.diffusers_name];
    layer.layer_class = trial.layer_class;
    layer.weights.count = trial.layer->facts.weights;
    layer.activations.count = trial.layer->inputs;
    Measured& measured = trial.mode == Mode::kQuantizedWeight ? layer.weights : layer.activations;
    const double value = trial.layer_class == LayerClass::kQuality
                             ? std::min(trial.noise.Decibels(), kNoNoise)
                             : trial.similarity / static_cast<double>(trial.similarities);
    if (!std::isfinite(value)) {
      throw patchbay::Error(trial.layer->facts.diffusers_name +
                            ": the network's answers have numbers that are not finite");
    }
    measured.values[trial.bits] = value;
  }
  return sensitivity;
}

}  // namespace quantizer
