#ifndef PATCHBAY_PLUGINS_MOMA_SRC_REFERENCE_KEYS_H_
#define PATCHBAY_PLUGINS_MOMA_SRC_REFERENCE_KEYS_H_

#include <ATen/ATen.h>

#include "plugins/image_prompt/src/decoupled_attention.h"
#include "plugins/moma/src/adapter.h"

namespace moma {

// What a self-attention keeps of the reference: its projected keys and values [1, N, C] mapped by
// the adapter, of the queries where the subject is. mask: [N] of bool. Undefined tensors where the
// subject is nowhere on this grid; `uniform`, as in the authors' code, then keeps all of them, to
// be attended to alike.
image_prompt::KeysAndValues Recorded(const SelfWeights& weights, const at::Tensor& key,
                                     const at::Tensor& value, const at::Tensor& mask, bool uniform);

}  // namespace moma

#endif  // PATCHBAY_PLUGINS_MOMA_SRC_REFERENCE_KEYS_H_
