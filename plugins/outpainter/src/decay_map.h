#ifndef PATCHBAY_PLUGINS_OUTPAINTER_SRC_DECAY_MAP_H_
#define PATCHBAY_PLUGINS_OUTPAINTER_SRC_DECAY_MAP_H_

#include <ATen/ATen.h>

namespace outpainter {

// How far each place is from what is known, in rows or columns: 0 where it is known, 1 beside it.
// Places in a known row or column are measured along it; the others, in the corners, to the nearer
// of the rows and columns that have something known. known: [F, 1, H, W] of 0 and 1, with at least
// one 1 in each frame.
at::Tensor DistanceFromKnown(const at::Tensor& known);

// The mask decay of Be-Your-Outpainter (arXiv:2403.13745, section 3.4): exp(-d / (k R)), with d the
// distance above and R its largest value in the frame, which for a rectangle is its widest margin.
// k: 0 leaves 1 where it is known and 0 elsewhere, infinite gives ones.
at::Tensor DecayMap(const at::Tensor& known, double k);

}  // namespace outpainter

#endif  // PATCHBAY_PLUGINS_OUTPAINTER_SRC_DECAY_MAP_H_
