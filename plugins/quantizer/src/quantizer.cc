#include <patchbay/aten.h>

#include <string>

#include "allocate_action.h"
#include "attached_layers.h"
#include "calibrate_action.h"
#include "measure_action.h"
#include "settings.h"
#include "store_action.h"

namespace {

using quantizer::AllocateAction;
using quantizer::AllocateSettings;
using quantizer::CalibrateAction;
using quantizer::CalibrateSettings;
using quantizer::LayerSelection;
using quantizer::MeasureAction;
using quantizer::MeasureSettings;
using quantizer::Settings;
using quantizer::StoreAction;
using quantizer::StoreSettings;

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
      quantizer::AttachLayers(at, selection);
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

  // The object of an action is its run's alone.
  mutable CalibrateAction calibrate_;
  mutable MeasureAction measure_;
  mutable AllocateAction allocate_;
  mutable StoreAction store_;
};

}  // namespace

PATCHBAY_PLUGIN(Quantizer)
