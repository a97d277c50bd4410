#ifndef PATCHBAY_PLUGINS_MULTIDIFFUSION_SRC_FUSION_H_
#define PATCHBAY_PLUGINS_MULTIDIFFUSION_SRC_FUSION_H_

#include <ATen/ATen.h>

#include <vector>

#include "tiling.h"

namespace multidiffusion {

// How much a pixel of a window counts in the average.
enum class Weighting {
  kUniform,   // the same everywhere (MultiDiffusion)
  kGaussian,  // most in the middle (Mixture of Diffusers, arXiv:2302.02412, section 3)
};

// [height, width] in fp64, positive, 1 at the most. Gaussian: the deviation is a tenth of each
// side.
at::Tensor WindowWeights(Weighting weighting, Size window);

// latent: [B, C, H, W]. The window's part of it, [B, C, height, width]; one that goes over the
// right side continues at the left.
at::Tensor Crop(const at::Tensor& latent, const Window& window);

// The weighted mean of what windows say of a canvas (arXiv:2302.08113, equation 5):
//   sum_i F_i^-1(W_i * x_i) / sum_i F_i^-1(W_i).
class Fusion {
 public:
  // windows: as WindowsOver() gives them for the canvas.
  Fusion(Size canvas, const std::vector<Window>& windows, Weighting weighting);

  // Each window's share of the mean, [height, width] in fp32: over every pixel they add up to 1.
  at::Tensor ShareOf(const Window& window) const;

 private:
  at::Tensor weights_;  // W_i, [height, width]: all windows are of one size
  at::Tensor total_;    // [1, 1, H, W]
};

// canvas [B, C, H, W] += part [B, C, height, width] at the window.
void AddAt(at::Tensor& canvas, const Window& window, const at::Tensor& part);

}  // namespace multidiffusion

#endif  // PATCHBAY_PLUGINS_MULTIDIFFUSION_SRC_FUSION_H_
