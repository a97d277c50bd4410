// Guidance that grows over the steps: a start with little of it keeps the composition varied, an
// end with all of it keeps to the prompt.
//
// The exact tier: full LibTorch (at::Tensor), for hosts of the same build.

#include <patchbay/aten.h>

namespace {

// What can be set. Each default stands here once; everything else follows from describe().
struct Settings {
  double start = 0.2;
  double end = 1.0;
};

class RisingGuidance final : public patchbay::Plugin<Settings> {
 public:
  static void describe(patchbay::Description<Settings>& d) {
    d.id("rising-guidance")
        .title("Rising guidance")
        .version("1.0.0")
        .summary("Lets the guidance grow from the first step to the last.")
        .licence("MIT");
    d.field<1>(&Settings::start, "start")
        .label("Start")
        .range(0.0, 2.0)
        .step(0.05)
        .unit(PATCHBAY_UNIT_RATIO)
        .help("The share of the guidance at the first step.");
    d.field<2>(&Settings::end, "end")
        .label("End")
        .range(0.0, 2.0)
        .step(0.05)
        .unit(PATCHBAY_UNIT_RATIO)
        .help("The share of the guidance at the last step.");
  }

  // Runs once for each model, when the host puts the plugin to work.
  void attach(patchbay::Attach& at) const override {
    // Runs at each step, for several jobs at once: it captures its own copy of the settings.
    at.guidance([settings = settings()](const patchbay::Step& step,
                                        const patchbay::Guidance& g) -> at::Tensor {
      const int last = step.step_count - 1;
      const double progress = last > 0 ? static_cast<double>(step.index) / last : 1.0;
      const double share = settings.start + progress * (settings.end - settings.start);
      if (share == 1.0) return {};  // nothing to change
      return at::lerp(g.cond, g.guided, share);
    });
  }
};

}  // namespace

PATCHBAY_PLUGIN(RisingGuidance)
