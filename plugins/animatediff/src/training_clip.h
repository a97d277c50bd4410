#ifndef PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_TRAINING_CLIP_H_
#define PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_TRAINING_CLIP_H_

#include <patchbay/aten.h>

#include <string>

#include "plugins/animatediff/src/lora_decay.h"

namespace animatediff {

// The clip that an adaptation is trained on.
struct TrainingClip {
  at::Tensor frames;   // [F, 3, H, W] in -1..1, H and W multiples of a latent pixel
  at::Tensor latents;  // [F, C, h, w]: the means that the autoencoder gives; see EncodeClip()
  at::Tensor known;    // [F, 1, h, w]: 1 in cells that the frames show as a whole, else 0
  std::string hash;    // of the frames

  PixelSize size() const { return {frames.size(2), frames.size(3)}; }
};

// rgba: [F, 4, H, W] in 0..1; what is less than half opaque is not known, and filled from what lies
// around it; what goes over a multiple of a latent pixel at the right and below is
// left out. Throws patchbay::Error for none, for fewer than `needed`, for frames smaller than a
// latent pixel, and for one of which no such cell is known.
TrainingClip TakeClip(const patchbay::Model& model, const at::Tensor& rgba, int64_t needed);

// Sets the clip's latents, frame by frame.
void EncodeClip(const patchbay::Action& action, TrainingClip& clip);

}  // namespace animatediff

#endif  // PATCHBAY_PLUGINS_ANIMATEDIFF_SRC_TRAINING_CLIP_H_
