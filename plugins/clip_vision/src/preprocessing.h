#ifndef PATCHBAY_PLUGINS_CLIP_VISION_SRC_PREPROCESSING_H_
#define PATCHBAY_PLUGINS_CLIP_VISION_SRC_PREPROCESSING_H_

#include <ATen/ATen.h>

#include <cstdint>

namespace clip_vision {

// The colours of a picture [1, 3 or 4, H, W] in 0..1 as 8 bits, [H, W, 3]. Opacity is left out, as
// Pillow's convert("RGB") leaves it out.
at::Tensor Pixels(const at::Tensor& picture);

// Brightness of pixels [H, W, 3], [H, W] of int32 from 0 to 255: Pillow's convert("L").
at::Tensor Grey(const at::Tensor& pixels);

// What CLIP's vision encoder sees of such pixels, [size, size, 3] in 8 bits: the shorter side
// becomes `size` pixels (bicubic), the middle of the longer one is kept. transformers'
// CLIPImageProcessor up to its normalisation. A picture of any proportions takes the memory of its
// own and of the result.
at::Tensor CentreSquare(const at::Tensor& pixels, int64_t size);

// [B, S, S, 3] in 8 bits to [B, 3, S, S], each channel with CLIP's mean taken off and over its
// deviation.
at::Tensor Normalised(const at::Tensor& squares);

}  // namespace clip_vision

#endif  // PATCHBAY_PLUGINS_CLIP_VISION_SRC_PREPROCESSING_H_
