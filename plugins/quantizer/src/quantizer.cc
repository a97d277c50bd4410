#include <patchbay/aten.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "kernel.h"
#include "layer_selection.h"
#include "plan.h"
#include "quantized_layer.h"

namespace {

using quantizer::LayerScheme;
using quantizer::LayerSelection;
using quantizer::Plan;
using quantizer::QuantizedInput;
using quantizer::QuantizedLayer;

enum class Scheme { kW8A8, kW8A8Static, kW4A8, kW4A16 };

struct Settings {
  Scheme scheme = Scheme::kW8A8;
  bool rotate = false;
  std::string keep = "conv_in/conv_out/time_embedding/add_embedding";
  patchbay::File plan;
};

// The last activations that became bytes: an attention's queries, keys and values come from the
// same tokens.
struct Pass {
  at::Tensor tokens;
  QuantizedInput quantized;
};

Plan PlanOf(const Settings& settings) {
  Plan plan;
  plan.others = {
      .weight_bits = settings.scheme == Scheme::kW4A8 || settings.scheme == Scheme::kW4A16 ? 4 : 8,
      .activation_bits = settings.scheme == Scheme::kW4A16 ? 16 : 8,
      .rotate = settings.rotate};
  return plan;
}

void CheckFits(const Plan& plan, const patchbay::Attach& at) {
  if (plan.model != at.model().fingerprint) {
    throw patchbay::Error(
        "plan: is for the model " + plan.model + ", and this is " + at.model().fingerprint,
        PATCHBAY_FAILED_PRECONDITION);
  }
  for (const auto& [name, layer] : plan.layers) {
    // Throws with the nearest spelling where there is none of this name.
    const patchbay_site& site = at.denoiser().site(name).info();
    if (site.kind != PATCHBAY_SITE_LINEAR && site.kind != PATCHBAY_SITE_CONVOLUTION) {
      throw patchbay::Error("plan: /layers/" + name + ": is no linear layer and no convolution");
    }
  }
}

LayerSelection SelectionFor(const Settings& settings, const patchbay::Attach& at) {
  const bool has_plan = !settings.plan.path.empty();
  if (settings.scheme == Scheme::kW8A8Static && !has_plan) {
    throw patchbay::Error("scheme: w8a8-static needs a plan with calibrated ranges (plan=FILE)");
  }
  Plan plan = has_plan ? quantizer::ReadPlan(settings.plan.path) : PlanOf(settings);
  if (has_plan) CheckFits(plan, at);
  LayerSelection selection(std::move(plan), settings.keep);
  if (settings.scheme == Scheme::kW8A8Static) selection.RequireRanges();
  if (quantizer::VnniKernel() == nullptr) {
    selection.AvoidIntegerProducts();
    std::fputs(
        "warning: plugin quantizer: this processor has no AVX-512 VNNI instructions, so products "
        "stay in floating point; weights take less memory, and steps take longer than without the "
        "plugin\n",
        stderr);
  }
  return selection;
}

class Quantizer final : public patchbay::Plugin<Settings> {
 public:
  static void describe(patchbay::Description<Settings>& d) {
    d.id("quantizer")
        .title("Quantizer")
        .version("1.0.0")
        .summary("Computes the denoiser's layers in 8-bit integers.")
        .source("arXiv:2405.17873")
        .licence("MIT");
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

  void attach(patchbay::Attach& at) const override {
    try {
      const LayerSelection selection = SelectionFor(settings(), at);
      at.pass_state<Pass>();
      for (const patchbay::Operator& layer : at.denoiser().linears()) {
        AttachLinear(at, layer, selection);
      }
      for (const patchbay::Operator& layer : at.denoiser().convolutions()) {
        AttachConvolution(at, layer, selection);
      }
    } catch (const quantizer::PlanError& error) {
      throw patchbay::Error(std::string("plan: ") + error.what());
    }
  }

 private:
  // Null: the layer stays as it is.
  static const QuantizedLayer* Packed(patchbay::Attach& at, const patchbay::Operator& layer,
                                      const LayerSelection& selection) {
    const patchbay_site& site = layer.info();
    const int64_t taps = site.kernel == 0 ? 1 : site.kernel * site.kernel;
    const auto scheme = selection.SchemeOf({.diffusers_name = layer.diffusers_name(),
                                            .weights = site.in_channels * site.out_channels * taps,
                                            .skip_split = site.skip_split});
    if (!scheme) return nullptr;
    return &at.shared(layer.name() + " " + quantizer::KeyOf(*scheme), [&] {
      const at::Tensor weight = layer.weight();
      if (!weight.device().is_cpu()) {
        throw patchbay::Error(
            "integer layers compute on the CPU; this model is on " + weight.device().str(),
            PATCHBAY_FAILED_PRECONDITION);
      }
      return std::make_unique<QuantizedLayer>(weight, layer.bias(), *scheme);
    });
  }

  static void AttachLinear(patchbay::Attach& at, const patchbay::Operator& layer,
                           const LayerSelection& selection) {
    const QuantizedLayer* const packed = Packed(at, layer, selection);
    if (packed == nullptr) return;
    const bool shares_input =
        packed->has_plain_input() && quantizer::SharesInput(layer.diffusers_name());
    layer.replace(
        [packed, shares_input](const patchbay::Step& step, const at::Tensor& x, const at::Tensor&) {
          if (!shares_input) return packed->Forward(x);
          Pass& pass = step.state<Pass>();
          if (!pass.tokens.is_same(x)) {
            pass.quantized = packed->Quantize(x);
            pass.tokens = x;
          }
          return packed->Multiply(pass.quantized, x);
        });
  }

  static void AttachConvolution(patchbay::Attach& at, const patchbay::Operator& layer,
                                const LayerSelection& selection) {
    const QuantizedLayer* const packed = Packed(at, layer, selection);
    if (packed == nullptr) return;
    layer.replace([packed, kernel = layer.info().kernel](const patchbay::Step& step,
                                                         const at::Tensor& x, const at::Tensor&) {
      const patchbay::ConvolutionGeometry geometry = step.geometry();
      return packed->Forward(x, {.kernel = kernel,
                                 .stride = geometry.stride,
                                 .padding = geometry.padding,
                                 .dilation = geometry.dilation});
    });
  }
};

}  // namespace

PATCHBAY_PLUGIN(Quantizer)
