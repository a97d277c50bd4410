#include "host/runtime/nn/attention.h"

namespace patchbay {
namespace {

// [B, T, heads * width] -> [B, heads, T, width]
at::Tensor SplitHeads(const at::Tensor& tokens, int64_t batch, int64_t heads) {
  return tokens.view({tokens.size(0), tokens.size(1), heads, -1})
      .transpose(1, 2)
      .expand({batch, -1, -1, -1});
}

}  // namespace

at::Tensor Attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                  bool causal) {
  const int64_t batch = q.size(0);
  const at::Tensor out = at::scaled_dot_product_attention(
      SplitHeads(q, batch, heads), SplitHeads(k, batch, heads), SplitHeads(v, batch, heads),
      /*attn_mask=*/{}, /*dropout_p=*/0.0, causal);
  return out.transpose(1, 2).reshape(q.sizes());
}

}  // namespace patchbay
