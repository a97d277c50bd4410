// A plugin on the C++ SDK and LibTorch's stable ABI.

#include <patchbay/stable.h>

namespace {

struct Settings {
  bool enabled = true;
};

class Stable final : public patchbay::Plugin<Settings> {
 public:
  static void describe(patchbay::Description<Settings>& d) {
    d.id("test-stable").title("Stable").version("1.0.0").licence("CC0-1.0");
    d.field<1>(&Settings::enabled, "enabled");
  }

  void attach(patchbay::Attach& at) const override {
    at.guidance([](const patchbay::Step&, const patchbay::Guidance& g) { return g.guided; });
  }
};

}  // namespace

PATCHBAY_PLUGIN(Stable)
