// A plugin of which there are several builds, each of which leaves its own mark on the picture.

#include <patchbay/aten.h>

namespace {

constexpr double kBuild = SWAP_BUILD;

struct Settings {
  double strength = 1.0;
#if SWAP_BUILD == 2
  int64_t extra = 0;
#endif
};

class Swap final : public patchbay::Plugin<Settings> {
 public:
  static void describe(patchbay::Description<Settings>& d) {
    d.id("test-swap").title("Swap").licence("CC0-1.0");
    d.version(kBuild == 1 ? "1.0.0" : kBuild == 2 ? "2.0.0" : "3.0.0");
    d.summary("Adds a number to every prediction that tells its builds apart.");
    d.field<1>(&Settings::strength, "strength")
        .range(0.0, SWAP_BUILD == 3 ? 1.0 : 2.0)
        .help("How much of it.");
#if SWAP_BUILD == 2
    d.field<2>(&Settings::extra, "extra").range(0, 9);
#endif
  }

  void attach(patchbay::Attach& at) const override {
    at.guidance(
        [offset = 0.05 * kBuild * settings().strength](
            const patchbay::Step&, const patchbay::Guidance& g) { return g.guided + offset; });
  }
};

}  // namespace

PATCHBAY_PLUGIN(Swap)
