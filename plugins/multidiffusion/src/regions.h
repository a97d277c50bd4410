#ifndef PATCHBAY_PLUGINS_MULTIDIFFUSION_SRC_REGIONS_H_
#define PATCHBAY_PLUGINS_MULTIDIFFUSION_SRC_REGIONS_H_

#include <patchbay/aten.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tiling.h"

namespace multidiffusion {

// What the user says of one region.
struct RegionSettings {
  int number = 0;  // among the plugin's own: "region2_prompt"
  std::string prompt;
  patchbay::Picture mask;  // white where the prompt is drawn; what is transparent is black
};

// Where masks are, for a canvas of this size: [n, 1, h, w] of 0 and 1. A mask is stretched over the
// canvas; a latent pixel counts where at least half of what lies over it is white.
at::Tensor LatentMasks(const std::vector<RegionSettings>& regions, Size canvas);

// Regions with prompts of their own (MultiDiffusion, section 4.2): each is asked for its prompt
// about all of a window, and counts within its mask. The request's prompt has the rest. One pass.
//
// Bootstrapping: in the first steps a region's network sees it before a random colour, which is
// noised like the rest, so that its thing is drawn within the mask.
class Regions {
 public:
  // Encodes the prompts. bootstrapped_steps: how many steps, from the first one on.
  Regions(const patchbay::Step& step, const std::vector<RegionSettings>& regions,
          int64_t bootstrapped_steps);

  // The noise that the pass begins with, [B, C, h, w] of unit variance. Before the first call of
  // Denoise().
  void SetNoise(const at::Tensor& noise) { noise_ = noise; }

  // The predictions for a window. part: what the canvas has there, [B, C, h, w].
  patchbay::Denoised Denoise(const patchbay::Step& step, const at::Tensor& part,
                             const Window& window, const patchbay::InnerDenoise& inner);

 private:
  // What the region's network sees while it is bootstrapped.
  at::Tensor BeforeColour(const patchbay::Step& step, size_t region, const at::Tensor& part,
                          const at::Tensor& mask, const Window& window);
  // A window-sized latent of one colour.
  const at::Tensor& Background(const patchbay::Step& step, size_t region, Size size);

  std::vector<at::Tensor> texts_;  // [1, T, text features]
  at::Tensor masks_;               // [n, 1, h, w]
  at::Tensor noise_;
  int64_t bootstrapped_steps_;
  std::vector<at::Tensor> colours_;      // [3] each, in -1..1
  std::vector<at::Tensor> backgrounds_;  // of each colour, [1, C, h, w]; undefined until needed
};

}  // namespace multidiffusion

#endif  // PATCHBAY_PLUGINS_MULTIDIFFUSION_SRC_REGIONS_H_
