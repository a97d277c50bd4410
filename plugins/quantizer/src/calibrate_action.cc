#include "calibrate_action.h"

#include <string>
#include <utility>

namespace quantizer {

void CalibrateAction::Describe(patchbay::ActionFields<CalibrateSettings>& d) {
  d.title("Calibrate")
      .help(
          "Draws pictures and makes plan.json, with the range of every layer's input, for "
          "scheme=w8a8-static.");
  DescribeDrawing(d);
  d.field<7>(&CalibrateSettings::plan, "plan")
      .label("Plan")
      .help("A plan whose layers get ranges; without one, scheme and keep of the plugin decide.");
}

void CalibrateAction::Attach(patchbay::Attach& at) {
  // One evaluation may run a layer several times, for the rows of the prompt and of its negative.
  at.denoise([this](const patchbay::Step& step, const at::Tensor& latent,
                    const patchbay::InnerDenoise& inner) {
    ++runs_;
    ShowProgress(step);
    return inner(latent);
  });
  for (const DenoiserLayer& layer : LayersOf(at)) {
    layers_.push_back(layer.facts);
    if (layer.facts.is_from_text) continue;  // inputs stay as they are
    layer.site.observe([this, facts = layer.facts](const patchbay::Step&, const at::Tensor& input,
                                                   const at::Tensor&) { Observe(facts, input); });
  }
}

void CalibrateAction::Observe(const LayerFacts& layer, const at::Tensor& input) {
  calibration_.Observe(layer.diffusers_name, SplitOf(layer), input, runs_);
}

void CalibrateAction::ShowProgress(const patchbay_step& step) const {
  if (action_ == nullptr || step.step_count == 0) return;
  const double of_picture = static_cast<double>(step.index) / step.step_count;
  const std::string text = "picture " + std::to_string(picture_ + 1) + " of " +
                           std::to_string(pictures_) + ", step " + std::to_string(step.index + 1) +
                           " of " + std::to_string(step.step_count);
  // Not Action::progress(): a cancellation is the host's to notice here.
  action_->context().functions->progress(
      &action_->context(),
      (static_cast<double>(picture_) + of_picture) / static_cast<double>(pictures_), text.c_str());
}

void CalibrateAction::Run(const patchbay::Action& action, const CalibrateSettings& settings,
                          const Settings& defaults) {
  Settings wanted = defaults;
  if (!settings.plan.path.empty()) wanted.plan = settings.plan;
  const std::string model = action.model().info().fingerprint;
  Plan plan = PlanOf(wanted, model);
  CheckFits(plan, model, layers_);
  const LayerSelection selection(std::move(plan), wanted.keep);
  const std::vector<std::string> prompts = PromptsOf(settings);
  action_ = &action;
  pictures_ = static_cast<int64_t>(prompts.size());
  for (picture_ = 0; picture_ < pictures_; ++picture_) {
    action.check_cancelled();
    SetPicture(action, settings, prompts[static_cast<size_t>(picture_)], picture_);
    action.draw(PassOf(settings));
  }
  action_ = nullptr;
  action.result("plan.json", WritePlan(calibration_.PlanFor(selection, layers_,
                                                            static_cast<uint64_t>(settings.seed))));
}

}  // namespace quantizer
