#ifndef PATCHBAY_HOST_RUNTIME_CHECKPOINT_OPEN_CLIP_H_
#define PATCHBAY_HOST_RUNTIME_CHECKPOINT_OPEN_CLIP_H_

#include "absl/status/statusor.h"
#include "host/runtime/checkpoint/weight_map.h"

namespace patchbay {

// Which part of an OpenCLIP text encoder a model uses.
enum class OpenClipUse {
  kPenultimate,  // Stable Diffusion 2: all but the last layer, no projection
  kProjected,    // SDXL: all layers and the projection
};

// An OpenCLIP text transformer ("transformer.resblocks.0.attn.in_proj_weight") under the names of
// transformers' CLIPTextModelWithProjection. Joint projections are split and the final projection,
// a bare matrix, is transposed, both as views. Names that are not understood are kept as they are,
// transformers' own among them. stable-diffusion.cpp writes those, but for the projection, which it
// calls "text_model.text_projection" and leaves as it found it: in published files a bare matrix.
// INVALID_ARGUMENT when a joint projection cannot be split in three.
absl::StatusOr<WeightMap> ConvertOpenClip(const WeightMap& open_clip, OpenClipUse use);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_CHECKPOINT_OPEN_CLIP_H_
