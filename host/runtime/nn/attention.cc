#include "host/runtime/nn/attention.h"

#include <ATen/Parallel.h>

#include <cmath>

#include "host/runtime/kernels/attention_kernel.h"
#include "host/runtime/nn/wants_gradient.h"

namespace patchbay {
namespace {

// [B, T, heads * width] -> [B, heads, T, width]
at::Tensor SplitHeads(const at::Tensor& tokens, int64_t batch, int64_t heads) {
  return tokens.reshape({tokens.size(0), tokens.size(1), heads, -1})
      .transpose(1, 2)
      .expand({batch, -1, -1, -1});
}

at::Tensor AttendWithLibTorch(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                              int64_t heads, bool causal) {
  const int64_t batch = q.size(0);
  const at::Tensor out = at::scaled_dot_product_attention(
      SplitHeads(q, batch, heads), SplitHeads(k, batch, heads), SplitHeads(v, batch, heads),
      /*attn_mask=*/{}, /*dropout_p=*/0.0, causal);
  return out.transpose(1, 2).reshape(q.sizes());
}

// The kernel of ours that serves these tensors, or nullptr.
const AttentionKernel* FindKernel(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                  int64_t width) {
  for (const at::Tensor* tensor : {&q, &k, &v}) {
    if (!tensor->device().is_cpu() || tensor->scalar_type() != q.scalar_type() ||
        WantsGradient(*tensor)) {
      return nullptr;
    }
  }
  if (q.numel() == 0 || k.numel() == 0) return nullptr;
  const CpuFeatures& features = CpuFeatures::Current();
  if (q.scalar_type() == at::kFloat) return FindAttentionKernelFloat(features, width);
  if (q.scalar_type() == at::kBFloat16) return FindAttentionKernelBFloat16(features, width);
  return nullptr;
}

at::Tensor WithContiguousRows(const at::Tensor& tokens) {
  return tokens.stride(2) == 1 ? tokens : tokens.contiguous();
}

TokenView<const void*> View(const at::Tensor& tokens) {
  const int64_t batch_stride = tokens.size(0) == 1 ? 0 : tokens.stride(0);
  return {tokens.const_data_ptr(), batch_stride, tokens.stride(1)};
}

at::Tensor AttendWithKernel(const AttentionKernel& kernel, const at::Tensor& queries,
                            const at::Tensor& keys, const at::Tensor& values, int64_t heads,
                            bool causal) {
  const at::Tensor q = WithContiguousRows(queries);
  const at::Tensor k = WithContiguousRows(keys);
  const at::Tensor v = WithContiguousRows(values);
  const at::Tensor out = at::empty(q.sizes(), q.options());

  AttentionProblem problem;
  problem.batch = q.size(0);
  problem.heads = heads;
  problem.width = q.size(2) / heads;
  problem.queries = q.size(1);
  problem.keys = k.size(1);
  problem.scale = 1.0f / std::sqrt(static_cast<float>(problem.width));
  problem.causal = causal;
  problem.q = View(q);
  problem.k = View(k);
  problem.v = View(v);
  problem.out = {out.mutable_data_ptr(), out.stride(0), out.stride(1)};

  const auto scratch_bytes = static_cast<int64_t>(kernel.scratch_bytes(problem));
  at::parallel_for(0, kernel.Tasks(problem), /*grain_size=*/1, [&](int64_t first, int64_t last) {
    // LibTorch aligns tensors to 64 bytes.
    const at::Tensor scratch = at::empty({scratch_bytes}, at::kByte);
    kernel.run(problem, first, last, scratch.mutable_data_ptr());
  });
  return out;
}

}  // namespace

at::Tensor Attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                  bool causal) {
  TORCH_CHECK(q.dim() == 3 && k.dim() == 3 && v.dim() == 3 && heads > 0 && q.size(2) % heads == 0 &&
                  k.size(2) == q.size(2) && v.size(2) == q.size(2) && k.size(1) == v.size(1) &&
                  (k.size(0) == 1 || k.size(0) == q.size(0)) &&
                  (v.size(0) == 1 || v.size(0) == q.size(0)),
              "attention over ", heads, " heads cannot join queries ", q.sizes(), ", keys ",
              k.sizes(), " and values ", v.sizes());
  if (const AttentionKernel* kernel = FindKernel(q, k, v, q.size(2) / heads)) {
    return AttendWithKernel(*kernel, q, k, v, heads, causal);
  }
  return AttendWithLibTorch(q, k, v, heads, causal);
}

}  // namespace patchbay
