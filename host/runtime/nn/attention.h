#ifndef PATCHBAY_HOST_RUNTIME_NN_ATTENTION_H_
#define PATCHBAY_HOST_RUNTIME_NN_ATTENTION_H_

#include <ATen/ATen.h>

namespace patchbay {

// Scaled dot-product attention, softmax(q k^T / sqrt(width)) v, on tokens as the projections leave
// them: heads lie side by side in the last dimension.
//
// q: [B, T, heads * width]; k, v: [B, S, heads * width], or [1, S, ...] for all rows alike.
// Returns [B, T, heads * width] in q's precision. causal: token t sees keys 0..t only (text
// encoders). Any thread may call.
at::Tensor Attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                  bool causal = false);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_NN_ATTENTION_H_
