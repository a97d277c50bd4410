#ifndef PATCHBAY_PLUGINS_MOMA_SRC_TERMS_H_
#define PATCHBAY_PLUGINS_MOMA_SRC_TERMS_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "patchbay/abi/step.h"
#include "plugins/moma/src/adapter.h"

namespace moma {

// Keys and values with a softmax of their own, [1 or 2, n, heads * width] each.
struct KeysAndValues {
  at::Tensor keys;
  at::Tensor values;
};

// What a self-attention keeps of the reference: its projected keys and values [1, N, C] mapped by
// the adapter, of the queries where the subject is. mask: [N] of bool. Undefined tensors where the
// subject is nowhere on this grid; `uniform`, as in the authors' code, then keeps all of them, to
// be attended to alike.
KeysAndValues Recorded(const SelfWeights& weights, const at::Tensor& key, const at::Tensor& value,
                       const at::Tensor& mask, bool uniform);

// softmax(query keys^T / sqrt(d)) values, [B, N, C], of queries [B, N, C]. Of two sets the first is
// for unconditional rows, the second for the others.
at::Tensor Attended(const KeysAndValues& set, const at::Tensor& query, int64_t heads,
                    const std::vector<patchbay_row_role>& roles);

}  // namespace moma

#endif  // PATCHBAY_PLUGINS_MOMA_SRC_TERMS_H_
