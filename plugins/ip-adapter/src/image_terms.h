#ifndef PATCHBAY_PLUGINS_IP_ADAPTER_SRC_IMAGE_TERMS_H_
#define PATCHBAY_PLUGINS_IP_ADAPTER_SRC_IMAGE_TERMS_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "patchbay/trampolines.h"

namespace ip_adapter {

// Keys and values of pictures' tokens at one cross-attention, for one softmax. Index 0 of the first
// dimension is for unconditional rows, 1 for the others.
struct ImageTerm {
  at::Tensor keys;    // [2, n, C]
  at::Tensor values;  // [2, n, C], times the pictures' weights
  int mask = -1;      // index of a mask, -1: everywhere

  ImageTerm To(const at::TensorOptions& options) const {
    return {keys.to(options), values.to(options), mask};
  }
};

// Puts together the terms of a layer. keys and values: [2, P, t, C] of P pictures; weights: of each
// picture here. together: one term for all pictures' tokens, as diffusers does without masks; else
// one for each picture, with the mask of its index where has_mask says so, as diffusers does with
// masks.
std::vector<ImageTerm> MakeTerms(const at::Tensor& keys, const at::Tensor& values,
                                 const std::vector<double>& weights, bool together,
                                 const std::vector<bool>& has_mask);

// What a term adds to the attention's result, [B, T, C], before a mask (arXiv:2308.06721, equation
// 5): softmax(Q K^T / sqrt(d)) V with its own softmax. Row r of the query is of role roles[r].
at::Tensor Attended(const ImageTerm& term, const at::Tensor& query, int64_t heads,
                    const std::vector<patchbay_row_role>& roles);

}  // namespace ip_adapter

#endif  // PATCHBAY_PLUGINS_IP_ADAPTER_SRC_IMAGE_TERMS_H_
