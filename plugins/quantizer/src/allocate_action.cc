#include "allocate_action.h"

#include <limits>
#include <stdexcept>
#include <utility>

namespace quantizer {
namespace {

void CheckModel(const Sensitivity& sensitivity, const std::string& model,
                const std::vector<LayerFacts>& facts) {
  Plan named;
  named.model = sensitivity.model;
  for (const auto& [name, layer] : sensitivity.layers) named.layers[name];
  CheckFits(named, model, facts, "sensitivity");
}

void NameTextLayers(const LayerSelection& selection, const std::vector<LayerFacts>& facts,
                    Plan& plan) {
  for (const LayerFacts& layer : facts) {
    const PlannedLayer& planned = selection.PlannedFor(layer);
    if (layer.is_from_text && planned.weight_bits != 16) {
      plan.layers[layer.diffusers_name] = planned;
    }
  }
}

double SquaredDistance(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    sum += (a[i].to(at::kDouble) - b[i].to(at::kDouble)).square().mean().item<double>();
  }
  return sum;
}

}  // namespace

void AllocateAction::Describe(patchbay::ActionFields<AllocateSettings>& d) {
  d.title("Allocate bits")
      .help("Makes plan.json from measured sensitivities, within average numbers of bits.");
  DescribeDrawing(d);
  d.field<7>(&AllocateSettings::sensitivity, "sensitivity")
      .label("Sensitivity")
      .help("The file that the action measure-sensitivity has made for this model.");
  d.field<8>(&AllocateSettings::plan, "plan")
      .label("Plan")
      .help("A plan to refine: its ranges and its other layers stay.");
  d.field<9>(&AllocateSettings::weights, "weights")
      .label("Weight bits")
      .range(4, 8)
      .help("Average bits of a weight, over the measured layers.");
  d.field<10>(&AllocateSettings::activations, "activations")
      .label("Activation bits")
      .range(8, 16)
      .help("Average bits of a layer's input; 16 stands for floating point.");
  d.field<11>(&AllocateSettings::ratio, "ratio")
      .label("Ratio")
      .range(0, 2)
      .advanced()
      .help(
          "Content layers' average bits over quality layers'; 0: several are tried, and the one "
          "whose pictures are nearest to full precision's is taken.");
}

void AllocateAction::Attach(patchbay::Attach& at, const Settings& settings) {
  denoiser_.Attach(at, settings);
}

void AllocateAction::Run(const patchbay::Action& action, const AllocateSettings& settings,
                         const Settings& defaults) {
  if (settings.sensitivity.path.empty()) {
    throw patchbay::Error("sensitivity: is missing; measure-sensitivity makes the file");
  }
  const std::string model = action.model().info().fingerprint;
  const Sensitivity sensitivity = ReadSensitivity(settings.sensitivity.path);
  CheckModel(sensitivity, model, denoiser_.facts());
  Settings wanted = defaults;
  if (!settings.plan.path.empty()) wanted.plan = settings.plan;
  const Plan base = PlanOf(wanted, model);
  CheckFits(base, model, denoiser_.facts());
  std::vector<double> ratios = {settings.ratio};
  if (settings.ratio == 0) ratios = ContentRatios(sensitivity, settings.weights);
  std::vector<Plan> plans;
  for (const double ratio : ratios) {
    try {
      plans.push_back(AllocatePlan(sensitivity,
                                   {.weights = settings.weights,
                                    .activations = settings.activations,
                                    .content_ratio = ratio},
                                   base));
    } catch (const std::invalid_argument& error) {
      throw patchbay::Error(error.what());
    }
    // What was not measured stays as a plan that is refined has it; without one as it is, but for
    // what has nothing to measure.
    if (wanted.plan.path.empty()) {
      plans.back().others = {};
      NameTextLayers(LayerSelection(base, wanted.keep), denoiser_.facts(), plans.back());
    }
  }
  action.result("plan.json", WritePlan(Best(action, settings, plans)));
}

Plan AllocateAction::Best(const patchbay::Action& action, const AllocateSettings& settings,
                          const std::vector<Plan>& plans) {
  if (plans.size() == 1) return plans.front();
  const auto pictures = static_cast<int64_t>(PromptsOf(settings).size());
  to_draw_ = pictures * static_cast<int64_t>(plans.size() + 1);
  const std::vector<at::Tensor> exact = Draw(action, settings, nullptr);
  size_t best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < plans.size(); ++i) {
    const double distance = SquaredDistance(exact, Draw(action, settings, &plans[i]));
    if (distance >= least) continue;
    least = distance;
    best = i;
  }
  return plans[best];
}

std::vector<at::Tensor> AllocateAction::Draw(const patchbay::Action& action,
                                             const AllocateSettings& settings, const Plan* plan) {
  denoiser_.Reset();
  for (const auto& layer : denoiser_.layers()) {
    if (plan == nullptr) break;
    const auto planned = plan->layers.find(layer->facts.diffusers_name);
    if (planned == plan->layers.end() || planned->second.weight_bits == 16) continue;
    layer->mode = planned->second.activation_bits == 8 ? TrialDenoiser::Mode::kQuantized
                                                       : TrialDenoiser::Mode::kQuantizedWeight;
    layer->bits = planned->second.weight_bits;
  }
  std::vector<at::Tensor> pictures;
  const std::vector<std::string> prompts = PromptsOf(settings);
  for (size_t i = 0; i < prompts.size(); ++i) {
    action.progress(static_cast<double>(drawn_) / static_cast<double>(to_draw_),
                    "picture " + std::to_string(drawn_ + 1) + " of " + std::to_string(to_draw_));
    ++drawn_;
    SetPicture(action, settings, prompts[i], static_cast<int64_t>(i));
    pictures.push_back(action.model().decode_latent(action.draw(PassOf(settings))).cpu());
  }
  denoiser_.Reset();
  return pictures;
}

}  // namespace quantizer
