// A plugin that tells a model for inpainting what to paint, rightly or wrongly.

#include <patchbay/aten.h>

#include <cstdint>

namespace {

struct Settings {
  int64_t excess = 0;       // rows of the mask that the latent does not have
  bool keeps_half = false;  // of the picture, which is grey
  int64_t announced = 0;    // steps; 0: none
};

class Mask final : public patchbay::Plugin<Settings> {
 public:
  static void describe(patchbay::Description<Settings>& d) {
    d.id("test-mask").title("Mask").version("1.0.0").licence("CC0-1.0");
    d.summary("Tells the network what to paint.");
    d.field<1>(&Settings::excess, "excess").range(0, 8);
    d.field<2>(&Settings::keeps_half, "keeps_half");
    d.field<3>(&Settings::announced, "announced").range(0, 1000);
  }

  void attach(patchbay::Attach& at) const override {
    at.begin_pass([settings = settings()](const patchbay::Step& step) {
      Tell(settings, step);
      return 0;
    });
  }

 private:
  static void Tell(const Settings& settings, const patchbay::Step& step) {
    const patchbay::Model model = step.model();
    if (settings.announced > 0) return model.announce_steps(settings.announced);
    const int64_t cell = model.info().pixels_per_latent_pixel;
    at::Tensor mask = at::ones({1, 1, step.latent_height + settings.excess, step.latent_width});
    if (settings.keeps_half) mask.slice(3, 0, step.latent_width / 2).fill_(0);
    model.set_inpainting(mask, model.encode_picture(at::zeros(
                                   {1, 3, step.latent_height * cell, step.latent_width * cell})));
  }
};

}  // namespace

PATCHBAY_PLUGIN(Mask)
