#ifndef PATCHBAY_PLUGINS_FILLING_SRC_SMOOTH_FILL_H_
#define PATCHBAY_PLUGINS_FILLING_SRC_SMOOTH_FILL_H_

#include <ATen/ATen.h>

#include <cstdint>

namespace filling {

// Fills where `weight` [F, 1, H, W] is 0 from what lies around it, coarser with the distance
// (pull-push). weighted: [F, C, H, W], 0 where the weight is.
at::Tensor FillSmoothly(const at::Tensor& weighted, const at::Tensor& weight);

// known: [F, 1, H, W] of 0 and 1. [F, 1, H / cell, W / cell]: 1 where all pixels of a cell are.
at::Tensor KnownCells(const at::Tensor& known, int64_t cell);

}  // namespace filling

#endif  // PATCHBAY_PLUGINS_FILLING_SRC_SMOOTH_FILL_H_
