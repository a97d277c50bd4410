#ifndef PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_LORA_DECAY_H_
#define PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_LORA_DECAY_H_

#include <ATen/ATen.h>

#include <cstdint>

namespace animatediff {

// Pixels of the canvas that were painted beyond what a clip showed.
struct Margins {
  int64_t left = 0;
  int64_t top = 0;
  int64_t right = 0;
  int64_t bottom = 0;
};

struct PixelSize {
  int64_t height = 0;
  int64_t width = 0;
};

// How strongly an adaptation acts at each place of a grid over the canvas, [height, width]
// (arXiv:2403.13745, equation 5): 1 where something is known, else exp(-d / (k R)). d is the
// distance in pixels to the known rectangle, along one axis: in corners the smaller of both, as in
// the authors' code. R is the widest margin. A grid's cell takes the pixel nearest to its
// beginning. k: positive; infinite gives ones. Margins leave at least one pixel.
at::Tensor LoraDecay(const Margins& margins, PixelSize canvas, PixelSize grid, double k);

}  // namespace animatediff

#endif  // PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_LORA_DECAY_H_
