#include <patchbay/aten.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "fusion.h"
#include "regions.h"
#include "tiling.h"

namespace {

using multidiffusion::Fusion;
using multidiffusion::Regions;
using multidiffusion::RegionSettings;
using multidiffusion::Size;
using multidiffusion::Tiling;
using multidiffusion::Weighting;
using multidiffusion::Window;

struct Settings {
  int64_t window = 0;
  int64_t stride = 0;
  Weighting weights = Weighting::kUniform;
  bool circular = false;
  std::string region1_prompt;
  std::string region2_prompt;
  std::string region3_prompt;
  std::string region4_prompt;
  patchbay::Picture region1_mask;
  patchbay::Picture region2_mask;
  patchbay::Picture region3_mask;
  patchbay::Picture region4_mask;
  double bootstrapping = 0.4;
};

struct Pass {
  at::Tensor result;  // a circular canvas's last latent, [B, C, h, w]
  std::optional<Regions> regions;
};

// What the network says of a window: of what the canvas has there, and where that is.
using DenoiseWindow = std::function<patchbay::Denoised(const at::Tensor& part, const Window&)>;

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
                                  const at::Tensor& latent, const DenoiseWindow& denoise) {
  const Size canvas{latent.size(2), latent.size(3)};
  CheckCount(CountWindows(tiling, canvas));
  const std::vector<Window> windows = WindowsOver(tiling, canvas);
  if (windows.size() == 1) return denoise(latent, windows.front());
  const Fusion fusion(canvas, windows, weighting);
  patchbay::Denoised fused{at::zeros_like(latent), at::Tensor()};
  for (const Window& window : windows) {
    const patchbay::Denoised part = denoise(Crop(latent, window).contiguous(), window);
    const at::Tensor share = fusion.ShareOf(window);
    AddAt(fused.cond, window, part.cond * share);
    if (!part.uncond.defined()) continue;
    if (!fused.uncond.defined()) fused.uncond = at::zeros_like(latent);
    AddAt(fused.uncond, window, part.uncond * share);
  }
  return fused;
}

// The regions that are given, each with its prompt and its mask.
std::vector<RegionSettings> RegionsOf(const Settings& settings) {
  const std::vector<RegionSettings> all = {{1, settings.region1_prompt, settings.region1_mask},
                                           {2, settings.region2_prompt, settings.region2_mask},
                                           {3, settings.region3_prompt, settings.region3_mask},
                                           {4, settings.region4_prompt, settings.region4_mask}};
  std::vector<RegionSettings> given;
  for (const RegionSettings& region : all) {
    const std::string name = "region" + std::to_string(region.number);
    const bool has_mask = region.mask.rgba.defined();
    if (!region.prompt.empty() && !has_mask) {
      throw patchbay::Error(name + "_mask: is missing; it says where \"" + region.prompt +
                            "\" is drawn");
    }
    if (region.prompt.empty() && has_mask) {
      throw patchbay::Error(name + "_prompt: is missing; it says what is drawn in the mask");
    }
    if (has_mask) given.push_back(region);
  }
  return given;
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
    DescribePrompt<5>(d, &Settings::region1_prompt, "region1_prompt", "Prompt 1");
    DescribeMask<6>(d, &Settings::region1_mask, "region1_mask", "Mask 1");
    DescribePrompt<7>(d, &Settings::region2_prompt, "region2_prompt", "Prompt 2");
    DescribeMask<8>(d, &Settings::region2_mask, "region2_mask", "Mask 2");
    DescribePrompt<9>(d, &Settings::region3_prompt, "region3_prompt", "Prompt 3");
    DescribeMask<10>(d, &Settings::region3_mask, "region3_mask", "Mask 3");
    DescribePrompt<11>(d, &Settings::region4_prompt, "region4_prompt", "Prompt 4");
    DescribeMask<12>(d, &Settings::region4_mask, "region4_mask", "Mask 4");
    d.field<13>(&Settings::bootstrapping, "bootstrapping")
        .label("Bootstrapping")
        .group("Regions")
        .unit(PATCHBAY_UNIT_FRACTION_OF_STEPS)
        .range(0.0, 1.0)
        .step(0.05)
        .help(
            "In the first steps a region's prompt sees it before a plain colour, so that its thing "
            "is drawn within the mask; the paper's is 0.4 of 50 steps.");
  }

  void attach(patchbay::Attach& at) const override {
    if ((at.model().flags & PATCHBAY_MODEL_INPAINTING) != 0) {
      throw patchbay::Error(
          "MultiDiffusion cannot cut windows out of the mask and the picture that an inpainting "
          "model is given; draw with an ordinary model, which takes a mask as well");
    }
    AttachRegions(at);
    at.denoise([tiling = TilingFor(settings(), at.model()), weighting = settings().weights](
                   const patchbay::Step& step, const at::Tensor& latent,
                   const patchbay::InnerDenoise& inner) {
      std::optional<Regions>& regions = step.state<Pass>().regions;
      return DenoiseWindows(
          tiling, weighting, latent, [&](const at::Tensor& part, const Window& window) {
            return regions ? regions->Denoise(step, part, window, inner) : inner(part);
          });
    });
    if (settings().circular) AttachDecoding(at);
  }

 private:
  template <int32_t kNumber>
  static void DescribePrompt(patchbay::Description<Settings>& d, std::string Settings::*member,
                             const char* id, const char* label) {
    d.field<kNumber>(member, id)
        .label(label)
        .group("Regions")
        .multiline()
        .help("What is drawn where the mask is white; the request's prompt has the rest.");
  }
  template <int32_t kNumber>
  static void DescribeMask(patchbay::Description<Settings>& d, patchbay::Picture Settings::*member,
                           const char* id, const char* label) {
    d.field<kNumber>(member, id)
        .label(label)
        .group("Regions")
        .help("White where this region is; stretched over the canvas.");
  }

  void AttachRegions(patchbay::Attach& at) const {
    const std::vector<RegionSettings> regions = RegionsOf(settings());
    at.begin_pass([regions, share = settings().bootstrapping](const patchbay::Step& step) {
      Pass pass;
      const auto steps = static_cast<int64_t>(std::lround(share * step.step_count));
      if (!regions.empty()) pass.regions.emplace(step, regions, steps);
      return pass;
    });
    if (regions.empty()) return;
    at.first_latent([](const patchbay::Step& step, at::Tensor& latent) {
      const bool is_pure_noise = (step.flags & PATCHBAY_STEP_IMAGE_TO_IMAGE) == 0;
      const double sigma = step.sigmas[0];
      step.state<Pass>().regions->SetNoise(
          is_pure_noise ? latent / std::sqrt(1 + sigma * sigma)
                        : step.model().noise(latent.sizes().vec()).to(latent.device()));
    });
  }

  // The host's own decoding knows of no seam; its picture is replaced.
  static void AttachDecoding(patchbay::Attach& at) {
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
