#include <patchbay/aten.h>

#include <algorithm>
#include <string>
#include <vector>

#include "fusion.h"
#include "tiling.h"

namespace {

using multidiffusion::Fusion;
using multidiffusion::Size;
using multidiffusion::Tiling;
using multidiffusion::Weighting;
using multidiffusion::Window;

struct Settings {
  int64_t window = 0;
  int64_t stride = 0;
  Weighting weights = Weighting::kUniform;
  bool circular = false;
};

// What a pass of a circular canvas ends with.
struct Pass {
  at::Tensor result;  // its last latent, [B, C, h, w]
};

// The paper's windows lie twice as close, which costs two to four times as much.
constexpr int64_t kStridesInWindow = 4;
// More of them are a slip of the hand: each is a run of the network, in every step.
constexpr int64_t kMostWindows = 4096;
// Latent pixels from the other side that the autoencoder sees beyond each end of a circular canvas.
constexpr int64_t kDecodingMargin = 8;

// In latent pixels, from a setting in pixels.
int64_t LatentLength(const char* field, int64_t pixels, const patchbay_model_info& model) {
  if (pixels % model.pixels_per_latent_pixel != 0) {
    throw patchbay::Error(std::string(field) + ": " + std::to_string(pixels) +
                          " pixels are no multiple of this model's " +
                          std::to_string(model.pixels_per_latent_pixel));
  }
  return pixels / model.pixels_per_latent_pixel;
}

Tiling TilingFor(const Settings& settings, const patchbay_model_info& model) {
  Tiling tiling;
  tiling.window = settings.window == 0
                      ? std::min(model.native_latent_height, model.native_latent_width)
                      : LatentLength("window", settings.window, model);
  tiling.stride = settings.stride == 0 ? std::max<int64_t>(1, tiling.window / kStridesInWindow)
                                       : LatentLength("stride", settings.stride, model);
  if (tiling.stride > tiling.window) {
    throw patchbay::Error("stride: windows of " +
                          std::to_string(tiling.window * model.pixels_per_latent_pixel) +
                          " pixels that are " + std::to_string(settings.stride) +
                          " apart leave gaps; it must not be larger than the window");
  }
  tiling.wraps = settings.circular;
  return tiling;
}

void CheckCount(int64_t count) {
  if (count <= kMostWindows) return;
  throw patchbay::Error("stride: this picture would take " + std::to_string(count) +
                        " windows in each step, and " + std::to_string(kMostWindows) +
                        " are the most; choose a larger one, or larger windows");
}

// Predictions for a whole canvas from those for its windows.
patchbay::Denoised DenoiseWindows(const Tiling& tiling, Weighting weighting,
                                  const at::Tensor& latent, const patchbay::InnerDenoise& inner) {
  const Size canvas{latent.size(2), latent.size(3)};
  CheckCount(CountWindows(tiling, canvas));
  const std::vector<Window> windows = WindowsOver(tiling, canvas);
  if (windows.size() == 1) return inner(latent);
  const Fusion fusion(canvas, windows, weighting);
  patchbay::Denoised fused{at::zeros_like(latent), at::Tensor()};
  for (const Window& window : windows) {
    const patchbay::Denoised part = inner(Crop(latent, window).contiguous());
    const at::Tensor share = fusion.ShareOf(window);
    AddAt(fused.cond, window, part.cond * share);
    if (!part.uncond.defined()) continue;
    if (!fused.uncond.defined()) fused.uncond = at::zeros_like(latent);
    AddAt(fused.uncond, window, part.uncond * share);
  }
  return fused;
}

// The picture of a circular latent [B, C, h, w], whose left side follows its right one.
at::Tensor DecodeAround(const patchbay::Model& model, const at::Tensor& latent) {
  const int64_t width = latent.size(3);
  const int64_t margin = std::min(kDecodingMargin, width);
  const at::Tensor around =
      at::cat({latent.narrow(3, width - margin, margin), latent, latent.narrow(3, 0, margin)}, 3);
  const int64_t scale = model.info().pixels_per_latent_pixel;
  return model.decode_latent(around).narrow(3, margin * scale, width * scale).contiguous();
}

class MultiDiffusion final : public patchbay::Plugin<Settings> {
 public:
  static void describe(patchbay::Description<Settings>& d) {
    d.id("multidiffusion")
        .title("MultiDiffusion")
        .version("1.0.0")
        .summary("Panoramas and other large pictures from overlapping windows of the model's size.")
        .source("arXiv:2302.08113")
        .licence("MIT")
        // Other plugins may edit the picture that it decodes.
        .phase(PATCHBAY_PHASE_EARLY)
        // It compares with a prediction for the whole canvas.
        .conflicts("pag");
    d.field<1>(&Settings::window, "window")
        .label("Window")
        .range(0, 16384)
        .soft_range(0, 2048)
        .step(8)
        .unit(PATCHBAY_UNIT_PIXEL)
        .help("Side of a window; 0: that of the pictures that the model was trained on.");
    d.field<2>(&Settings::stride, "stride")
        .label("Stride")
        .range(0, 16384)
        .soft_range(0, 1024)
        .step(8)
        .unit(PATCHBAY_UNIT_PIXEL)
        .help(
            "From one window to the next. Smaller: smoother, and slower. 0: a quarter of the "
            "window; the paper's is an eighth.");
    d.field<3>(&Settings::weights, "weights")
        .label("Weights")
        .help(
            "How windows that overlap are averaged: all pixels alike (the paper), or the middle "
            "of each window most (Mixture of Diffusers), which also suits large strides.")
        .choices({{Weighting::kUniform, "uniform", "Uniform"},
                  {Weighting::kGaussian, "gaussian", "Gaussian"}});
    d.field<4>(&Settings::circular, "circular")
        .label("Circular")
        .help(
            "The picture goes on at its left side where it ends at its right one, for panoramas "
            "of 360 degrees. The autoencoder runs twice.");
  }

  void attach(patchbay::Attach& at) const override {
    if ((at.model().flags & PATCHBAY_MODEL_INPAINTING) != 0) {
      throw patchbay::Error(
          "MultiDiffusion cannot cut windows out of the mask and the picture that an inpainting "
          "model is given; draw with an ordinary model, which takes a mask as well");
    }
    at.denoise(
        [tiling = TilingFor(settings(), at.model()), weighting = settings().weights](
            const patchbay::Step&, const at::Tensor& latent, const patchbay::InnerDenoise& inner) {
          return DenoiseWindows(tiling, weighting, latent, inner);
        });
    if (settings().circular) AttachDecoding(at);
  }

 private:
  // The host's own decoding knows of no seam; its picture is replaced.
  static void AttachDecoding(patchbay::Attach& at) {
    at.pass_state<Pass>();
    at.last_latent([](const patchbay::Step& step, at::Tensor& latent) {
      step.state<Pass>().result = latent.clone();
    });
    at.picture([](const patchbay::Step& step, at::Tensor& picture) {
      picture = DecodeAround(step.model(), step.state<Pass>().result);
    });
  }
};

}  // namespace

PATCHBAY_PLUGIN(MultiDiffusion)
