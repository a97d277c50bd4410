#include <patchbay/aten.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "allocate_action.h"
#include "calibrate_action.h"
#include "measure_action.h"
#include "quantized_layer.h"
#include "settings.h"
#include "store_action.h"

namespace {

using quantizer::AllocateAction;
using quantizer::AllocateSettings;
using quantizer::CalibrateAction;
using quantizer::CalibrateSettings;
using quantizer::DenoiserLayer;
using quantizer::LayerScheme;
using quantizer::LayerSelection;
using quantizer::MeasureAction;
using quantizer::MeasureSettings;
using quantizer::QuantizedInput;
using quantizer::QuantizedLayer;
using quantizer::Settings;
using quantizer::StoreAction;
using quantizer::StoreSettings;

// The last activations that became bytes: an attention's queries, keys and values come from the
// same tokens.
struct Pass {
  at::Tensor tokens;
  QuantizedInput quantized;
};

// Runs `work`; what is wrong with the user's files is the user's error.
template <class Work>
void NamingWrongFiles(const char* what, const Work& work) {
  try {
    work();
  } catch (const quantizer::DocumentError& error) {
    throw patchbay::Error(std::string(what) + ": " + error.what());
  }
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
    quantizer::DescribeSettings(d);
    CalibrateAction::Describe(d.action("calibrate", &Quantizer::Calibrate));
    MeasureAction::Describe(d.action("measure-sensitivity", &Quantizer::Measure));
    AllocateAction::Describe(d.action("allocate", &Quantizer::Allocate));
    StoreAction::Describe(d.action("store", &Quantizer::Store));
  }

  void attach(patchbay::Attach& at) const override {
    if (at.action() == "calibrate") return calibrate_.Attach(at);
    if (at.action() == "measure-sensitivity") return measure_.Attach(at, settings());
    if (at.action() == "allocate") return allocate_.Attach(at, settings());
    if (at.action() == "store") {
      return NamingWrongFiles("plan", [&] { store_.Attach(at, settings()); });
    }
    NamingWrongFiles("plan", [&] {
      const LayerSelection selection = quantizer::SelectionOf(settings(), at);
      at.pass_state<Pass>();
      for (const DenoiserLayer& layer : quantizer::LayersOf(at)) {
        const QuantizedLayer* const packed = Packed(at, layer, selection);
        if (packed == nullptr) continue;
        if (layer.site.info().kind == PATCHBAY_SITE_LINEAR) {
          AttachLinear(layer.site, packed);
        } else {
          AttachConvolution(layer.site, packed);
        }
        Release(layer.site);
      }
    });
  }

 private:
  void Calibrate(patchbay::Action& action, const CalibrateSettings& wanted) {
    NamingWrongFiles("plan", [&] { calibrate_.Run(action, wanted, settings()); });
  }
  void Measure(patchbay::Action& action, const MeasureSettings& wanted) {
    measure_.Run(action, wanted);
  }
  void Allocate(patchbay::Action& action, const AllocateSettings& wanted) {
    NamingWrongFiles("file", [&] { allocate_.Run(action, wanted, settings()); });
  }

  void Store(patchbay::Action& action, const StoreSettings&) { store_.Run(action); }

  // Null: the layer stays as it is.
  static const QuantizedLayer* Packed(patchbay::Attach& at, const DenoiserLayer& layer,
                                      const LayerSelection& selection) {
    const auto scheme = selection.SchemeOf(layer.facts);
    if (!scheme) return nullptr;
    return &at.shared(layer.site.name() + " " + quantizer::KeyOf(*scheme), [&] {
      if (auto stored = FromFile(layer, *scheme)) return stored;
      const auto [weight, bias] = layer.site.weight_and_bias();
      RequireCpu(weight);
      return std::make_unique<QuantizedLayer>(weight, bias, *scheme);
    });
  }

  static void RequireCpu(const at::Tensor& weight) {
    if (weight.device().is_cpu()) return;
    throw patchbay::Error(
        "integer layers compute on the CPU; this model is on " + weight.device().str(),
        PATCHBAY_FAILED_PRECONDITION);
  }

  // Null where the model's file does not have what the scheme wants.
  static std::unique_ptr<QuantizedLayer> FromFile(const DenoiserLayer& layer,
                                                  const LayerScheme& scheme) {
    const std::optional<patchbay::IntegerWeight> stored = layer.site.integer_weight();
    const bool fits = stored && stored->bits == scheme.weight_bits &&
                      stored->rotated == scheme.rotate &&
                      stored->parts.size() == (scheme.skip_split == 0 ? 1 : 2) &&
                      (scheme.skip_split == 0 || stored->parts[0].inputs == scheme.skip_split);
    if (!fits) return nullptr;
    std::vector<quantizer::StoredWeight> parts;
    for (const patchbay::IntegerWeight::Part& part : stored->parts) {
      parts.push_back({part.inputs, part.integers, part.steps, part.multiples});
    }
    return std::make_unique<QuantizedLayer>(parts, layer.site.info().kernel, stored->bias, scheme);
  }

  static void AttachLinear(const patchbay::Operator& layer, const QuantizedLayer* packed) {
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

  static void AttachConvolution(const patchbay::Operator& layer, const QuantizedLayer* packed) {
    layer.replace([packed, kernel = layer.info().kernel](const patchbay::Step& step,
                                                         const at::Tensor& x, const at::Tensor&) {
      const patchbay::ConvolutionGeometry geometry = step.geometry();
      return packed->Forward(x, {.kernel = kernel,
                                 .stride = geometry.stride,
                                 .padding = geometry.padding,
                                 .dilation = geometry.dilation});
    });
  }

  // The host may drop the weight in floating point. Where it could not be read again later, it
  // stays.
  static void Release(const patchbay::Operator& layer) {
    try {
      layer.release_weights();
    } catch (const patchbay::Error& error) {
      if (error.status() != PATCHBAY_FAILED_PRECONDITION) throw;
    }
  }

  // The object of an action is its run's alone.
  mutable CalibrateAction calibrate_;
  mutable MeasureAction measure_;
  mutable AllocateAction allocate_;
  mutable StoreAction store_;
};

}  // namespace

PATCHBAY_PLUGIN(Quantizer)
