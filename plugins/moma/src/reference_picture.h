#ifndef PATCHBAY_PLUGINS_MOMA_SRC_REFERENCE_PICTURE_H_
#define PATCHBAY_PLUGINS_MOMA_SRC_REFERENCE_PICTURE_H_

#include <ATen/ATen.h>

#include <cstdint>

namespace moma {

// The picture that a subject is taken from, and where on it the subject is.
struct Subject {
  at::Tensor pixels;  // [H, W, 3] in 8 bits, over white
  at::Tensor mask;    // [H, W] of bool; true somewhere
  bool is_everywhere = false;
  bool was_found = false;  // by what stands out from the picture's border
};

// A picture and a mask [1, 4, H, W] in 0..1; the mask may be undefined, and is brought to the
// picture's size. Without one the subject is where the picture is more than half opaque, and of a
// picture that is opaque all over what stands out from its border, or all of it if nothing does.
// `loose`: whatever in the mask is not black counts, and nothing is looked for, as in the authors'
// code. Throws patchbay::Error when
// the subject is nowhere.
Subject ReadSubject(const at::Tensor& picture, const at::Tensor& mask, bool loose);

// The part of a subject's picture that shows it: the mask's box, grown by 7.5 % of its longer side
// in each direction.
Subject CutOut(const Subject& subject);

// White wherever the subject is not.
at::Tensor OverWhite(const Subject& subject);

enum class Margin { kWhite, kEdge };

// [size, size, 3] in 8 bits: pixels [H, W, 3] with their longer side resized to `size` (bicubic),
// in the middle of a square whose rest is white or repeats their edge.
at::Tensor FitSquare(const at::Tensor& pixels, int64_t size, Margin margin);

// [size, size] of bool: a mask [H, W] in the same place, false around it. True somewhere if the
// mask is.
at::Tensor FitSquareMask(const at::Tensor& mask, int64_t size);

// As the authors' code has them, without regard to proportions.
at::Tensor Squashed(const at::Tensor& pixels, int64_t size);
at::Tensor SquashedMask(const at::Tensor& mask, int64_t size);

}  // namespace moma

#endif  // PATCHBAY_PLUGINS_MOMA_SRC_REFERENCE_PICTURE_H_
