// What a ControlNet adds to a U-Net, made of sines: a residual for each skip connection and one for
// the middle block's output.

#include <patchbay/aten.h>

#include <cstdint>

namespace {

struct Settings {
  double scale = 1;
};

// Of a feature map's shape: sines of its elements' numbers within a picture, `number` times as fast
// as the first.
at::Tensor Residual(const at::Tensor& features, int64_t number, double scale) {
  const auto numbers =
      at::arange(features[0].numel(), features.options().dtype(at::kDouble)).mul(0.1);
  return (numbers * static_cast<double>(number))
      .sin()
      .mul(scale)
      .to(features.scalar_type())
      .view(features[0].sizes());
}

class Residuals final : public patchbay::Plugin<Settings> {
 public:
  static void describe(patchbay::Description<Settings>& d) {
    d.id("test-residual").title("Residual").version("1.0.0").licence("CC0-1.0");
    d.summary("Adds to the skip connections and to the middle, as a ControlNet does.");
    d.field<1>(&Settings::scale, "scale").range(0, 10);
  }

  void attach(patchbay::Attach& at) const override {
    const double scale = settings().scale;
    const auto stages = at.denoiser().decoder_stages();
    auto number = static_cast<int64_t>(stages.size());
    for (const patchbay::DecoderStage& stage : stages) {
      stage.join([=](const patchbay::Step&, const at::Tensor&, const at::Tensor& skip) {
        return patchbay::Join{{}, skip + Residual(skip, number, scale)};
      });
      --number;
    }
    for (const patchbay::Module& block : at.denoiser().blocks().in_block(PATCHBAY_PART_MIDDLE)) {
      block.after([=](const patchbay::Step&, const at::Tensor& features) {
        return features + Residual(features, static_cast<int64_t>(stages.size()) + 1, scale);
      });
    }
  }
};

}  // namespace

PATCHBAY_PLUGIN(Residuals)
