#ifndef PATCHBAY_PLUGINS_FILLING_SRC_SMOOTH_FILL_H_
#define PATCHBAY_PLUGINS_FILLING_SRC_SMOOTH_FILL_H_

#include <ATen/ATen.h>

#include <cstdint>

namespace filling {

// The sum of the four neighbours of each place of a map [F, C, H, W]; those at the border are their
// own.
at::Tensor SumOfNeighbours(const at::Tensor& map);

// Fills where `weight` [F, 1, H, W] is 0 from what lies around it, coarser with the distance
// (pull-push). weighted: [F, C, H, W], 0 where the weight is. relaxations: how often, at each
// coarseness, what was filled is made the mean of its neighbours; with some, the fill is nearly a
// membrane that hangs on what is known.
at::Tensor FillSmoothly(const at::Tensor& weighted, const at::Tensor& weight, int relaxations = 0);

// known: [F, 1, H, W] of 0 and 1. [F, 1, H / cell, W / cell]: 1 where all pixels of a cell are.
at::Tensor KnownCells(const at::Tensor& known, int64_t cell);

}  // namespace filling

#endif  // PATCHBAY_PLUGINS_FILLING_SRC_SMOOTH_FILL_H_
