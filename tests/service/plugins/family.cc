// A plugin for models of one family.

#include <patchbay/aten.h>

namespace {

class Family final : public patchbay::Plugin<patchbay::NoSettings> {
 public:
  static void describe(patchbay::Description<patchbay::NoSettings>& d) {
    d.id("test-family").title("Family").version("1.0.0").licence("CC0-1.0");
    d.summary("Is for SDXL.");
    d.families({PATCHBAY_MODEL_SDXL, PATCHBAY_MODEL_SDXL_REFINER});
  }

  void attach(patchbay::Attach& at) const override {
    at.before_step([](const patchbay::Step&, patchbay::Tensor&) {});
  }
};

}  // namespace

PATCHBAY_PLUGIN(Family)
