// A plugin that computes zeros in place of every linear layer and needs none of their weights.

#include <patchbay/aten.h>

#include <cstdint>
#include <fstream>
#include <string>

namespace {

struct Settings {
  bool releases = true;
  bool is_lazy = false;
  std::string report;
};

class Release final : public patchbay::Plugin<Settings> {
 public:
  static void describe(patchbay::Description<Settings>& d) {
    d.id("test-release").title("Release").version("1.0.0").licence("CC0-1.0");
    d.summary("Does without the weights of linear layers.");
    d.field<1>(&Settings::releases, "releases").help("Whether the host may drop them.");
    d.field<2>(&Settings::is_lazy, "is_lazy").help("Leaves the work to the operators after all.");
    d.field<3>(&Settings::report, "report").help("File that is told the bytes.");
  }

  void attach(patchbay::Attach& at) const override {
    uint64_t bytes = 0;
    uint64_t stored = 0;
    for (const patchbay::Operator& site : at.denoiser().linears()) {
      site.replace(
          [lazy = settings().is_lazy, width = site.info().out_channels](
              const patchbay::Step&, const at::Tensor& input, const at::Tensor&) -> at::Tensor {
            if (lazy) return {};
            std::vector<int64_t> shape = input.sizes().vec();
            shape.back() = width;
            return at::zeros(shape, input.options());
          });
      if (settings().releases) bytes += site.release_weights();
      // Also where they have been dropped for an earlier chain.
      stored += site.weight().nbytes();
    }
    if (!settings().report.empty()) std::ofstream(settings().report) << bytes << " " << stored;
  }
};

}  // namespace

PATCHBAY_PLUGIN(Release)
