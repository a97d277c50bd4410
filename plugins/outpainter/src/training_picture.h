#ifndef PATCHBAY_PLUGINS_OUTPAINTER_SRC_TRAINING_PICTURE_H_
#define PATCHBAY_PLUGINS_OUTPAINTER_SRC_TRAINING_PICTURE_H_

#include <ATen/ATen.h>

#include <utility>

#include "plugins/outpainter/src/canvas.h"

namespace outpainter {

// A picture that is learned from.
struct TrainingPicture {
  at::Tensor picture;  // [1, 3, H, W] in -1..1
  at::Tensor known;    // [1, 1, H, W]: 1 where it shows what is to be learned, 0 elsewhere
};

// rgba: [1, 4, H, W] in 0..1. What is less than half opaque is not to be learned.
TrainingPicture LearnedFrom(const at::Tensor& rgba);

// Height and width that a picture has at the most when it is scaled for a part of this size.
std::pair<double, double> LargestScaled(const TrainingPicture& from, CanvasSize size);

// A part of `size`, from the picture scaled so that it covers that by up to an eighth more than
// needed; where from and by how much is drawn.
TrainingPicture CutFromScaled(const TrainingPicture& from, CanvasSize size,
                              at::Generator generator);

// A part of `size`, which the picture has at least, at its own scale, in which something is known.
TrainingPicture CutAroundKnown(const TrainingPicture& from, CanvasSize size,
                               at::Generator generator);

// What a training step hides from an inpainting network, [1, 1, H, W], 1 where it is hidden: once
// in ten times all; else up to 29 rectangles of 3 to 25 percent of a side, or as often all but
// these. Of the port of RealFill in diffusers (make_mask in train_realfill.py).
at::Tensor DrawHidden(CanvasSize size, at::Generator generator);

}  // namespace outpainter

#endif  // PATCHBAY_PLUGINS_OUTPAINTER_SRC_TRAINING_PICTURE_H_
