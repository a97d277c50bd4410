#ifndef PATCHBAY_PLUGINS_OUTPAINTER_SRC_SEAM_H_
#define PATCHBAY_PLUGINS_OUTPAINTER_SRC_SEAM_H_

#include <ATen/ATen.h>

#include <cstdint>

namespace outpainter {

// How much of the known picture is kept where it meets what was painted, [F, 1, H, W]: 0 outside of
// it, 1 from `feathering` pixels on inside, a smooth step between. The canvas's own border is no
// such place. known: [F, 1, H, W] of 0 and 1.
at::Tensor FeatheredKnown(const at::Tensor& known, int64_t feathering);

// Fills where known is 0 so that each value is the mean of those around it, near what is known at
// least: the membrane of Perez et al., Poisson Image Editing (2003), section 3. values: [B, C, H,
// W]; what stands where known is 0 does not matter.
at::Tensor ExtendedAsMembrane(const at::Tensor& values, const at::Tensor& known);

// What is laid over a painted picture, all [1 or B, ., H, W].
struct KnownPicture {
  at::Tensor picture;
  at::Tensor known;   // 0 and 1
  at::Tensor weight;  // see FeatheredKnown()
  // Beyond the edge: how much of the difference there is taken off, and how much of that goes
  // straight on instead of as a membrane. 1 beside the edge, falling to 0.
  at::Tensor reach;
  at::Tensor straight;
};

// picture: [F, 3, H, W]. What the picture and the painted differ by at the edge is taken off over
// `blending` pixels beyond it.
KnownPicture OnCanvas(const at::Tensor& picture, const at::Tensor& known, int64_t feathering,
                      int64_t blending);

// painted: [B, 3, H, W]. The known picture where its weight is 1; beyond its edge what was painted,
// less the difference that the two have at the edge, so that one goes on where the other ends.
at::Tensor LaidOver(const at::Tensor& painted, const KnownPicture& over);

}  // namespace outpainter

#endif  // PATCHBAY_PLUGINS_OUTPAINTER_SRC_SEAM_H_
