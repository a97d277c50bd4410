#ifndef PATCHBAY_PLUGINS_IP_ADAPTER_SRC_IMAGE_PROJECTION_H_
#define PATCHBAY_PLUGINS_IP_ADAPTER_SRC_IMAGE_PROJECTION_H_

#include <ATen/ATen.h>

#include "plugins/clip_vision/src/vision_encoder.h"
#include "plugins/ip-adapter/src/adapter.h"

namespace ip_adapter {

// The tokens that an adapter makes of pictures, [2, B, n, token_width]: first those of the
// unconditional prediction, then the pictures' own. As diffusers has it, the unconditional ones
// come from an embedding of zeros (IP-Adapter), or from the states of a normalised picture of zeros
// (Plus, full face).
// squares: what the encoder sees, [B, S, S, 3] in 8 bits.
// Throws patchbay::Error when the encoder is not the one that the adapter was made with.
at::Tensor ImageTokens(const Adapter& adapter, const clip_vision::VisionEncoder& encoder,
                       const at::Tensor& squares);

// What ImageTokens() does with the encoder's result: embeddings [B, input_width] (kPlain) or states
// [B, T, input_width] to tokens [B, n, token_width].
at::Tensor Project(const Adapter& adapter, const at::Tensor& features);

}  // namespace ip_adapter

#endif  // PATCHBAY_PLUGINS_IP_ADAPTER_SRC_IMAGE_PROJECTION_H_
