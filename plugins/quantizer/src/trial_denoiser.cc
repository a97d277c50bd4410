#include "trial_denoiser.h"

#include <optional>
#include <utility>

namespace quantizer {
namespace {

std::optional<Geometry> GeometryOf(const patchbay::Step& step, int64_t kernel) {
  if (kernel == 0) return std::nullopt;  // a linear layer
  const patchbay::ConvolutionGeometry given = step.geometry();
  return Geometry{.kernel = kernel,
                  .stride = given.stride,
                  .padding = given.padding,
                  .dilation = given.dilation};
}

}  // namespace

void TrialDenoiser::Attach(patchbay::Attach& at, const Settings& settings) {
  Settings whole = settings;
  whole.plan = {};
  const LayerSelection selection(PlanOf(whole, at.model().fingerprint), settings.keep);
  for (const DenoiserLayer& found : LayersOf(at)) {
    facts_.push_back(found.facts);
    // Those of the prompt have 8 bits, and nothing to choose.
    if (found.facts.is_from_text) continue;
    if (selection.PlannedFor(found.facts).weight_bits == 16) continue;
    const auto [weight, bias] = found.site.weight_and_bias();
    if (!weight.device().is_cpu()) {
      throw patchbay::Error(
          "integer layers compute on the CPU; this model is on " + weight.device().str(),
          PATCHBAY_FAILED_PRECONDITION);
    }
    auto layer = std::make_unique<Layer>();
    layer->facts = found.facts;
    layer->trial =
        std::make_unique<TrialLayer>(weight, bias,
                                     LayerScheme{.integer_products = VnniKernel() != nullptr,
                                                 .rotate = settings.rotate,
                                                 .skip_split = SplitOf(found.facts)});
    Hang(found.site, *layer);
    layers_.push_back(std::move(layer));
  }
}

void TrialDenoiser::Hang(const patchbay::Operator& site, Layer& layer) {
  const int64_t kernel = site.info().kernel;
  // The layer itself computes where this gives nothing.
  site.replace([&layer, kernel](const patchbay::Step& step, const at::Tensor& x,
                                const at::Tensor&) -> at::Tensor {
    if (layer.mode == Mode::kQuantizedWeight) {
      return layer.trial->WithQuantizedWeight(x, GeometryOf(step, kernel), layer.bits);
    }
    if (layer.mode == Mode::kQuantized) {
      return layer.trial->Quantized(x, GeometryOf(step, kernel), layer.bits);
    }
    return {};
  });
  site.transform([&layer, kernel](const patchbay::Step& step, const at::Tensor& x,
                                  const at::Tensor& y) -> at::Tensor {
    if (layer.inputs == 0) layer.inputs = x.numel() / x.size(0);
    if (layer.mode != Mode::kQuantizedInput) return {};
    return layer.trial->WithQuantizedInput(x, y, GeometryOf(step, kernel), layer.bits);
  });
}

void TrialDenoiser::Reset() {
  for (const std::unique_ptr<Layer>& layer : layers_) layer->mode = Mode::kExact;
}

}  // namespace quantizer
