// A plugin on the C++ SDK and at::Tensor, with a setting of every type.

#include <patchbay/aten.h>

#include <cstdint>
#include <string>
#include <vector>

namespace {

enum class Way { kHalve, kNothing };

struct Settings {
  bool enabled = true;
  int64_t last_step = 50;
  double factor = 0.5;
  std::string note = "a, \"quoted\" note";
  Way way = Way::kHalve;
  std::vector<int64_t> steps = {1, 2, 3};
  std::vector<double> weights = {0.25, 1.0};
  patchbay::Picture mask;
  patchbay::File plan;
};

class Exact final : public patchbay::Plugin<Settings> {
 public:
  static void describe(patchbay::Description<Settings>& d) {
    d.id("test-exact").title("Exact").version("2.1.0").licence("CC0-1.0");
    d.summary("Halves the difference that guidance makes.");
    d.requires_hook(PATCHBAY_HOOK_GUIDANCE).after("test-plain").repeatable();
    d.field<1>(&Settings::enabled, "enabled").label("Enabled");
    d.field<2>(&Settings::last_step, "last_step").range(0, 100).unit(PATCHBAY_UNIT_STEP);
    d.field<3>(&Settings::factor, "factor").range(0.0, 1.0).step(0.1).visible_if("enabled=true");
    d.field<4>(&Settings::note, "note").multiline();
    d.field<5>(&Settings::way, "way")
        .choices({{Way::kHalve, "halve", "Halve"}, {Way::kNothing, "nothing", "Nothing"}});
    d.field<6>(&Settings::steps, "steps").range(0, 100);
    d.field<7>(&Settings::weights, "weights").range(0.0, 2.0).soft_range(0.0, 1.0);
    d.field<8>(&Settings::mask, "mask");
    d.field<9>(&Settings::plan, "plan").advanced();
  }

  void attach(patchbay::Attach& at) const override {
    at.begin_pass([](const patchbay::Step&) { return 0; });
    at.guidance([factor = settings().factor](const patchbay::Step&, const patchbay::Guidance& g) {
      return at::lerp(g.cond, g.guided, factor);
    });
  }
};

}  // namespace

PATCHBAY_PLUGIN(Exact)
