#ifndef PATCHBAY_PLUGINS_DEEP_SHRINK_SRC_RESIZE_H_
#define PATCHBAY_PLUGINS_DEEP_SHRINK_SRC_RESIZE_H_

#include <ATen/ATen.h>

#include <cstdint>

namespace deep_shrink {

enum class Method { kBicubic, kNearestExact, kBilinear, kArea, kBislerp };

// features: [B, C, H, W] to [B, C, height, width].
at::Tensor Resize(const at::Tensor& features, int64_t height, int64_t width, Method method);

}  // namespace deep_shrink

#endif  // PATCHBAY_PLUGINS_DEEP_SHRINK_SRC_RESIZE_H_
