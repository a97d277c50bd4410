#ifndef PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_PATTERN_MASK_H_
#define PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_PATTERN_MASK_H_

#include <ATen/ATen.h>

#include "plugins/animatediff/src/lora_decay.h"

namespace animatediff {

// What a training step pretends not to know of a clip (arXiv:2403.13745, section 3.2): from each
// side a share of the clip's width or height, drawn from least..most for each side by itself, in
// whole pixels. most: below 0.5.
Margins DrawMargins(double least, double most, PixelSize size, at::Generator generator);

// [1, 1, H, W]: 1 in the margins, 0 in the rectangle that is known.
at::Tensor UnknownPixels(const Margins& margins, PixelSize size);

// [1, 1, h, w], of cells of cell x cell pixels: 1 where any pixel is unknown.
at::Tensor UnknownCells(const at::Tensor& unknown, int64_t cell);

}  // namespace animatediff

#endif  // PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_PATTERN_MASK_H_
