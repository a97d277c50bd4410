#include <patchbay/aten.h>

#include <memory>
#include <string>
#include <utility>

#include "allocate_action.h"
#include "calibrate_action.h"
#include "measure_action.h"
#include "quantized_layer.h"
#include "settings.h"

namespace {

using quantizer::AllocateAction;
using quantizer::AllocateSettings;
using quantizer::CalibrateAction;
using quantizer::CalibrateSettings;
using quantizer::DenoiserLayer;
using quantizer::LayerSelection;
using quantizer::MeasureAction;
using quantizer::MeasureSettings;
using quantizer::QuantizedInput;
using quantizer::QuantizedLayer;
using quantizer::Settings;

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
  }

  void attach(patchbay::Attach& at) const override {
    if (at.action() == "calibrate") return calibrate_.Attach(at);
    if (at.action() == "measure-sensitivity") return measure_.Attach(at, settings());
    if (at.action() == "allocate") return allocate_.Attach(at, settings());
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

  // Null: the layer stays as it is.
  static const QuantizedLayer* Packed(patchbay::Attach& at, const DenoiserLayer& layer,
                                      const LayerSelection& selection) {
    const auto scheme = selection.SchemeOf(layer.facts);
    if (!scheme) return nullptr;
    return &at.shared(layer.site.name() + " " + quantizer::KeyOf(*scheme), [&] {
      const at::Tensor weight = layer.site.weight();
      if (!weight.device().is_cpu()) {
        throw patchbay::Error(
            "integer layers compute on the CPU; this model is on " + weight.device().str(),
            PATCHBAY_FAILED_PRECONDITION);
      }
      return std::make_unique<QuantizedLayer>(weight, layer.site.bias(), *scheme);
    });
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
};

}  // namespace

PATCHBAY_PLUGIN(Quantizer)
