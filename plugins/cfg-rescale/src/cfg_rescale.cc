#include <patchbay/aten.h>
#include <patchbay/prediction_space.h>

namespace {

enum class Space { kNative, kVelocity };

struct Settings {
  double factor = 0.7;
  Space space = Space::kNative;
};

// Per picture, over channels and positions: [B, 1, 1, 1].
at::Tensor Deviation(const at::Tensor& x) {
  return x.std({1, 2, 3}, /*unbiased=*/true, /*keepdim=*/true);
}

class CfgRescale final : public patchbay::Plugin<Settings> {
 public:
  static void describe(patchbay::Description<Settings>& d) {
    d.id("cfg-rescale")
        .title("CFG rescale")
        .version("1.0.0")
        .summary("Gives guided predictions the contrast of the prompt's own.")
        .source("arXiv:2305.08891, section 3.4")
        .licence("MIT")
        // After techniques that add to the guided prediction, so that their share is scaled as
        // well.
        .phase(PATCHBAY_PHASE_LATE);
    d.field<1>(&Settings::factor, "factor")
        .label("Factor")
        .range(0.0, 1.0)
        .step(0.05)
        .unit(PATCHBAY_UNIT_RATIO)
        .help("How much of the prompt's own standard deviation is restored.");
    d.field<2>(&Settings::space, "space")
        .label("Space")
        .help(
            "Where deviations are compared: the network's own output, as diffusers does, or "
            "velocity, as ComfyUI does for every model.")
        .choices(
            {{Space::kNative, "native", "Network output"}, {Space::kVelocity, "v", "Velocity"}});
  }

  void attach(patchbay::Attach& at) const override {
    if (settings().factor == 0.0) return;
    const patchbay_model_info& model = at.model();
    at.guidance([settings = settings(), &model](const patchbay::Step&,
                                                const patchbay::Guidance& g) -> at::Tensor {
      // Without guidance there is nothing to restore.
      if (!g.uncond.defined()) return {};
      const patchbay::PredictionSpace space = settings.space == Space::kVelocity
                                                  ? patchbay::velocity_space(g.sigma)
                                                  : patchbay::native_space(model, g.sigma);
      const at::Tensor guided = space.from_denoised(g.latent, g.guided);
      const at::Tensor cond = space.from_denoised(g.latent, g.cond);
      const at::Tensor scale = Deviation(cond) / Deviation(guided);
      const at::Tensor rescaled = guided * (settings.factor * scale + (1.0 - settings.factor));
      return space.to_denoised(g.latent, rescaled);
    });
  }
};

}  // namespace

PATCHBAY_PLUGIN(CfgRescale)
