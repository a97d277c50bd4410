#ifndef PATCHBAY_PLUGINS_IP_ADAPTER_SRC_IMAGE_TERMS_H_
#define PATCHBAY_PLUGINS_IP_ADAPTER_SRC_IMAGE_TERMS_H_

#include <ATen/ATen.h>

#include <vector>

#include "plugins/image_prompt/src/decoupled_attention.h"

namespace ip_adapter {

// Pictures' tokens at one cross-attention, for one softmax.
struct ImageTerm {
  image_prompt::KeysAndValues given;  // [2, n, C] each, values times the pictures' weights
  int mask = -1;                      // index of a mask, -1: everywhere

  ImageTerm To(const at::TensorOptions& options) const {
    return {{given.keys.to(options), given.values.to(options)}, mask};
  }
};

// Puts together the terms of a layer. keys and values: [2, P, t, C] of P pictures; weights: of each
// picture here. together: one term for all pictures' tokens, as diffusers does without masks; else
// one for each picture, with the mask of its index where has_mask says so, as diffusers does with
// masks.
std::vector<ImageTerm> MakeTerms(const at::Tensor& keys, const at::Tensor& values,
                                 const std::vector<double>& weights, bool together,
                                 const std::vector<bool>& has_mask);

}  // namespace ip_adapter

#endif  // PATCHBAY_PLUGINS_IP_ADAPTER_SRC_IMAGE_TERMS_H_
