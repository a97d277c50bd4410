#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_PICTURE_TENSOR_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_PICTURE_TENSOR_H_

#include <ATen/ATen.h>

#include <vector>

#include "host/base/compat_profile.h"
#include "host/formats/picture.h"

namespace patchbay {

// [B, 3, H, W] in -1..1 to B pictures. Values outside are cut off; diffusers rounds to the nearest
// of the 256 levels, the UIs round down.
std::vector<Picture> PicturesFromTensor(const at::Tensor& tensor, CompatProfile profile);

// RGB to [1, 3, H, W] in -1..1; opacity is dropped, grey repeated.
at::Tensor TensorFromPicture(const Picture& picture);

// The opacity of a picture of four channels: [1, 1, H, W] in 0..1.
at::Tensor OpacityFromPicture(const Picture& picture);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_PICTURE_TENSOR_H_
