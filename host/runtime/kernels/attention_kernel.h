#ifndef PATCHBAY_HOST_RUNTIME_KERNELS_ATTENTION_KERNEL_H_
#define PATCHBAY_HOST_RUNTIME_KERNELS_ATTENTION_KERNEL_H_

#include <cstddef>
#include <cstdint>

#include "host/runtime/kernels/cpu_features.h"

namespace patchbay {

// Tokens with their heads side by side: element (batch, token, head, i) stands at
// data[batch * batch_stride + token * token_stride + head * width + i]. Strides count elements; a
// batch stride of 0 shares the tokens among all batches.
template <typename Pointer>
struct TokenView {
  Pointer data = nullptr;
  int64_t batch_stride = 0;
  int64_t token_stride = 0;
};

// out = softmax(scale * q k^T) v for each batch and head. The element type is the kernel's.
struct AttentionProblem {
  int64_t batch = 0;
  int64_t heads = 0;
  int64_t width = 0;  // of one head
  int64_t queries = 0;
  int64_t keys = 0;
  float scale = 1.0f;
  bool causal = false;  // query t sees keys 0..t only
  TokenView<const void*> q;
  TokenView<const void*> k;
  TokenView<const void*> v;
  TokenView<void*> out;
};

// Attention computed block by block with a running maximum and sum, so that the scores never leave
// the first-level cache (arXiv:2205.14135). Scores, softmax and sums are fp32; in the bf16 kernel
// the probabilities are rounded to bf16 before they meet the values, as in LibTorch's own.
//
// The work is a row of equal tasks, any range of which one thread can do; tasks of one batch and
// head lie side by side and share packed keys and values.
struct AttentionKernel {
  int64_t queries_per_task = 0;
  // Bytes that Run needs at `scratch`, aligned to 64.
  size_t (*scratch_bytes)(const AttentionProblem& problem) = nullptr;
  void (*run)(const AttentionProblem& problem, int64_t first_task, int64_t last_task,
              void* scratch) = nullptr;

  int64_t Tasks(const AttentionProblem& problem) const {
    const int64_t tiles = (problem.queries + queries_per_task - 1) / queries_per_task;
    return problem.batch * problem.heads * tiles;
  }
};

// The kernel for this processor, or nullptr when it has none. `width` is that of a head.
const AttentionKernel* FindAttentionKernelFloat(const CpuFeatures& features, int64_t width);
const AttentionKernel* FindAttentionKernelBFloat16(const CpuFeatures& features, int64_t width);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_KERNELS_ATTENTION_KERNEL_H_
