#ifndef PATCHBAY_PLUGINS_IMAGE_PROMPT_SRC_DECOUPLED_ATTENTION_H_
#define PATCHBAY_PLUGINS_IMAGE_PROMPT_SRC_DECOUPLED_ATTENTION_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "patchbay/abi/step.h"

namespace image_prompt {

// What a picture gives to an attention of the denoiser, [1 or 2, n, heads * width] each. Of two
// sets the first is for unconditional rows, the second for the others.
struct KeysAndValues {
  at::Tensor keys;
  at::Tensor values;
};

// What they add to the attention's result, with a softmax of their own (arXiv:2308.06721, equation
// 5): softmax(Q K^T / sqrt(d)) V, [B, N, heads * width], of the queries [B, N, heads * width]. Row
// r of the queries is of role roles[r].
at::Tensor Attended(const KeysAndValues& given, const at::Tensor& query, int64_t heads,
                    const std::vector<patchbay_row_role>& roles);

}  // namespace image_prompt

#endif  // PATCHBAY_PLUGINS_IMAGE_PROMPT_SRC_DECOUPLED_ATTENTION_H_
