#ifndef PATCHBAY_PLUGINS_IP_ADAPTER_SRC_MASK_H_
#define PATCHBAY_PLUGINS_IP_ADAPTER_SRC_MASK_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <string>

namespace ip_adapter {

// Where on a canvas a picture speaks, as diffusers' IPAdapterMaskProcessor has it: the mask is
// brought to the canvas's size (Lanczos) and is 1 where it is at least half white, else 0.
// pixels: [H, W, 3] in 8 bits. Returns [1, 1, height, width]. Throws patchbay::Error when it is 0
// everywhere; `field` is what that calls the mask.
at::Tensor MaskOnCanvas(const at::Tensor& pixels, int64_t height, int64_t width,
                        const std::string& field);

// Throws patchbay::Error when no pixel of the mask is half white.
void CheckMask(const at::Tensor& pixels, const std::string& field);

// The mask at an attention's queries, height x width of them: [1, height * width, 1]. Bicubic
// without a wider filter, as in diffusers, so values beyond 0 and 1 occur beside edges. (diffusers
// guesses height and width from their product; where it guesses right, this is the same.)
at::Tensor MaskAtQueries(const at::Tensor& mask, int64_t height, int64_t width);

}  // namespace ip_adapter

#endif  // PATCHBAY_PLUGINS_IP_ADAPTER_SRC_MASK_H_
