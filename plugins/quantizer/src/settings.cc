#include "settings.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace quantizer {
namespace {

// The name that shares the longest beginning with this one: a layer's block, if not the layer.
std::string Nearest(const std::string& name, const std::vector<LayerFacts>& layers) {
  std::string nearest;
  size_t most = 0;
  for (const LayerFacts& layer : layers) {
    const std::string& other = layer.diffusers_name;
    const auto end = std::mismatch(name.begin(), name.end(), other.begin(), other.end());
    const auto common = static_cast<size_t>(end.first - name.begin());
    if (common <= most) continue;
    most = common;
    nearest = other;
  }
  return nearest;
}

}  // namespace

void DescribeSettings(patchbay::Description<Settings>& d) {
  d.field<1>(&Settings::scheme, "scheme")
      .label("Scheme")
      .choices({{Scheme::kW8A8, "w8a8", "8-bit weights, 8-bit products"},
                {Scheme::kW8A8Static, "w8a8-static", "The plan's, all ranges calibrated"},
                {Scheme::kW4A8, "w4a8", "4-bit weights, 8-bit products"},
                {Scheme::kW4A16, "w4a16", "4-bit weights, floating-point products"}})
      .help("How layers compute: 8-bit products are faster, 4-bit weights smaller.");
  d.field<2>(&Settings::rotate, "rotate")
      .label("Rotate")
      .advanced()
      .help(
          "Rotates inputs and weights by a Hadamard matrix, which spreads outliers; more exact "
          "and a little slower.");
  d.field<3>(&Settings::keep, "keep")
      .label("Keep")
      .advanced()
      .help(
          "Layers that stay in floating point: parts of their diffusers names, separated by "
          "\"/\".");
  d.field<4>(&Settings::plan, "plan")
      .label("Plan")
      .help(
          "A file that says for each layer how it computes, in place of scheme and rotate; made "
          "for this model.");
}

std::vector<DenoiserLayer> LayersOf(const patchbay::Attach& at) {
  std::vector<DenoiserLayer> layers;
  const auto add = [&](const patchbay::SiteList<patchbay::Operator>& sites) {
    for (const patchbay::Operator& site : sites) {
      const patchbay_site& info = site.info();
      const int64_t taps = info.kernel == 0 ? 1 : info.kernel * info.kernel;
      layers.push_back({site,
                        {.diffusers_name = site.diffusers_name(),
                         .weights = info.in_channels * info.out_channels * taps,
                         .skip_split = info.skip_split,
                         .is_from_text = site.is_from_text()}});
    }
  };
  add(at.denoiser().linears());
  add(at.denoiser().convolutions());
  return layers;
}

at::Device DeviceOf(const patchbay::Attach& at) {
  const auto convolutions = at.denoiser().convolutions();
  // The first is the smallest: its weight may have to be read for this.
  return convolutions.empty() ? at::Device(at::kCPU) : convolutions.front().weight().device();
}

Plan PlanOf(const Settings& settings, const std::string& model) {
  if (!settings.plan.path.empty()) return ReadPlan(settings.plan.path);
  Plan plan;
  plan.model = model;
  const bool is_small = settings.scheme == Scheme::kW4A8 || settings.scheme == Scheme::kW4A16;
  plan.others = {.weight_bits = is_small ? 4 : 8,
                 .activation_bits = settings.scheme == Scheme::kW4A16 ? 16 : 8,
                 .rotate = settings.rotate};
  return plan;
}

void CheckFits(const Plan& plan, const std::string& model, const std::vector<LayerFacts>& layers,
               const std::string& what) {
  if (plan.model != model) {
    throw patchbay::Error(what + ": is for the model " + plan.model + ", and this is " + model,
                          PATCHBAY_FAILED_PRECONDITION);
  }
  for (const auto& [name, planned] : plan.layers) {
    const bool is_there = std::any_of(
        layers.begin(), layers.end(),
        [&name = name](const LayerFacts& layer) { return layer.diffusers_name == name; });
    if (is_there) continue;
    const std::string nearest = Nearest(name, layers);
    throw patchbay::Error(what + ": /layers/" + name +
                          ": the model has no linear layer or convolution of this name" +
                          (nearest.empty() ? "" : "; near it is " + nearest));
  }
}

namespace {

// The model's own plan where its file has one, or the settings'.
Plan PlanFor(const Settings& settings, const patchbay::Attach& at,
             const std::vector<LayerFacts>& facts) {
  const char* const stored = at.model().integer_plan;
  if (stored != nullptr && settings.plan.path.empty()) {
    Plan plan;
    try {
      plan = ParsePlan(stored);
    } catch (const DocumentError& error) {
      throw patchbay::Error(std::string("the plan in the model's file: ") + error.what(),
                            PATCHBAY_FAILED_PRECONDITION);
    }
    // The model's own: it was made for the model that this one was made from.
    plan.model = at.model().fingerprint;
    CheckFits(plan, plan.model, facts, "the plan in the model's file");
    return plan;
  }
  Plan plan = PlanOf(settings, at.model().fingerprint);
  CheckFits(plan, at.model().fingerprint, facts);
  return plan;
}

}  // namespace

LayerSelection SelectionOf(const Settings& settings, const patchbay::Attach& at) {
  if (settings.scheme == Scheme::kW8A8Static && settings.plan.path.empty()) {
    throw patchbay::Error("scheme: w8a8-static needs a plan with calibrated ranges (plan=FILE)");
  }
  std::vector<LayerFacts> facts;
  for (const DenoiserLayer& layer : LayersOf(at)) facts.push_back(layer.facts);
  LayerSelection selection(PlanFor(settings, at, facts), settings.keep);
  if (settings.scheme == Scheme::kW8A8Static) selection.RequireRanges();
  if (VnniKernel() == nullptr && DeviceOf(at).is_cpu()) {
    selection.AvoidIntegerProducts();
    std::fputs(
        "warning: plugin quantizer: this processor has no AVX-512 VNNI instructions, so products "
        "stay in floating point; weights take less memory, and steps take longer than without the "
        "plugin\n",
        stderr);
  }
  return selection;
}

}  // namespace quantizer
