#include "regions.h"

#include "fusion.h"

namespace multidiffusion {
namespace {

// Of backgrounds. Each is encoded once, when it is needed; the published code has 20.
constexpr uint64_t kColours = 8;
constexpr uint64_t kChannels = 3;

patchbay::Evaluation About(const patchbay::Step& step, const at::Tensor& latent,
                           patchbay_row_role role) {
  patchbay::Evaluation evaluation;
  evaluation.latent = latent;
  evaluation.sigma = step.sigma;
  evaluation.role = role;
  return evaluation;
}

}  // namespace

at::Tensor LatentMasks(const std::vector<RegionSettings>& regions, Size canvas) {
  std::vector<at::Tensor> masks;
  for (const RegionSettings& region : regions) {
    const at::Tensor& rgba = region.mask.rgba;
    const at::Tensor white = rgba.slice(1, 0, 3).mean(1, /*keepdim=*/true) * rgba.slice(1, 3, 4);
    const at::Tensor share = at::adaptive_avg_pool2d(white, {canvas.height, canvas.width});
    masks.push_back((share >= 0.5).to(at::kFloat));
  }
  return at::cat(masks);
}

Regions::Regions(const patchbay::Step& step, const std::vector<RegionSettings>& regions,
                 int64_t bootstrapped_steps)
    : masks_(LatentMasks(regions, {step.latent_height, step.latent_width})),
      bootstrapped_steps_(bootstrapped_steps),
      backgrounds_(kColours) {
  const patchbay::Model model = step.model();
  for (size_t i = 0; i < regions.size(); ++i) {
    const std::string& prompt = regions[i].prompt;
    if (masks_[static_cast<int64_t>(i)].max().item<float>() == 0.F) {
      throw patchbay::Error("region" + std::to_string(regions[i].number) +
                            "_mask: has no white part that is as large as a block of the model's " +
                            std::to_string(model.info().pixels_per_latent_pixel) +
                            " pixels, so \"" + prompt + "\" would be drawn nowhere");
    }
    texts_.push_back(model.encode_text(prompt));
  }
  for (uint64_t i = 0; i < kColours; ++i) {
    at::Tensor colour = at::empty({kChannels});
    for (uint64_t channel = 0; channel < kChannels; ++channel) {
      colour[static_cast<int64_t>(channel)] = 2 * model.uniform(kChannels * i + channel) - 1;
    }
    colours_.push_back(colour);
  }
}

patchbay::Denoised Regions::Denoise(const patchbay::Step& step, const at::Tensor& part,
                                    const Window& window, const patchbay::InnerDenoise& inner) {
  patchbay::Denoised sum = inner(part);
  const at::Tensor masks = Crop(masks_, window).to(part.device());
  const at::Tensor rest = (1 - masks.sum(0, /*keepdim=*/true)).clamp_min(0);
  const at::Tensor total = rest + masks.sum(0, /*keepdim=*/true);
  const patchbay::Denoised own = sum;
  sum.cond = own.cond * rest;
  if (own.uncond.defined()) sum.uncond = own.uncond * rest;
  const bool is_bootstrapped = step.index < bootstrapped_steps_;
  for (size_t i = 0; i < texts_.size(); ++i) {
    const at::Tensor mask = masks.narrow(0, static_cast<int64_t>(i), 1);
    if (mask.max().item<float>() == 0.F) continue;
    const at::Tensor seen = is_bootstrapped ? BeforeColour(step, i, part, mask, window) : part;
    patchbay::Evaluation prompt = About(step, seen, PATCHBAY_ROW_OTHER);
    prompt.text = texts_[i];
    sum.cond += step.model().denoise(prompt).to(part.device()) * mask;
    if (!own.uncond.defined()) continue;
    const at::Tensor uncond =
        is_bootstrapped ? step.model().denoise(About(step, seen, PATCHBAY_ROW_UNCONDITIONAL))
                        : own.uncond;
    sum.uncond += uncond.to(part.device()) * mask;
  }
  sum.cond /= total;
  if (sum.uncond.defined()) sum.uncond /= total;
  return sum;
}

at::Tensor Regions::BeforeColour(const patchbay::Step& step, size_t region, const at::Tensor& part,
                                 const at::Tensor& mask, const Window& window) {
  const at::Tensor& colour = Background(step, region, {window.height, window.width});
  const at::Tensor noised = colour.to(part.device()) + step.sigma * Crop(noise_, window);
  return at::where(mask > 0, part, noised).contiguous();
}

const at::Tensor& Regions::Background(const patchbay::Step& step, size_t region, Size size) {
  const patchbay::Model model = step.model();
  const double chosen = model.uniform(kChannels * kColours + region);
  const auto index = static_cast<size_t>(chosen * static_cast<double>(kColours));
  at::Tensor& background = backgrounds_[index];
  if (!background.defined()) {
    const int64_t scale = model.info().pixels_per_latent_pixel;
    background =
        model.encode_picture(colours_[index]
                                 .view({1, -1, 1, 1})
                                 .expand({1, -1, size.height * scale, size.width * scale}));
  }
  return background;
}

}  // namespace multidiffusion
