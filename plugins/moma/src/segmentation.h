#ifndef PATCHBAY_PLUGINS_MOMA_SRC_SEGMENTATION_H_
#define PATCHBAY_PLUGINS_MOMA_SRC_SEGMENTATION_H_

#include <ATen/ATen.h>

namespace moma {

// Where a picture [H, W, 3] of 8 bits has something that stands out from what is at its border:
// [H, W] of bool. Undefined where nothing does, or nearly everything, or where the picture is
// narrower than 8 pixels. After Rother et al., "GrabCut" (SIGGRAPH 2004); instead of a rectangle,
// the border's colours say what the background is. Decides at a size of at most 160 pixels.
at::Tensor FindSubject(const at::Tensor& pixels);

}  // namespace moma

#endif  // PATCHBAY_PLUGINS_MOMA_SRC_SEGMENTATION_H_
