#ifndef PATCHBAY_PLUGINS_IP_ADAPTER_SRC_IMAGE_TOKENS_H_
#define PATCHBAY_PLUGINS_IP_ADAPTER_SRC_IMAGE_TOKENS_H_

#include <patchbay/aten.h>

#include <string>

#include "plugins/clip_vision/src/vision_encoder.h"
#include "plugins/ip-adapter/src/adapter.h"

namespace ip_adapter {

// The image encoder's file for an adapter: `encoder` where it is given, else the one that stands
// beside the adapter. Throws patchbay::Error when there is none.
patchbay::File EncoderFor(const patchbay::File& adapter, const patchbay::File& encoder);

// ImageTokens() of these squares, made once for all chains of this plugin that have the same files
// and squares: running the encoder takes seconds.
at::Tensor SharedImageTokens(patchbay::Attach& at, const Adapter& adapter,
                             const clip_vision::VisionEncoder& encoder, const at::Tensor& squares);

}  // namespace ip_adapter

#endif  // PATCHBAY_PLUGINS_IP_ADAPTER_SRC_IMAGE_TOKENS_H_
