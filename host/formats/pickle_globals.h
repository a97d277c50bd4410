#ifndef PATCHBAY_HOST_FORMATS_PICKLE_GLOBALS_H_
#define PATCHBAY_HOST_FORMATS_PICKLE_GLOBALS_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "host/formats/pickle.h"

namespace patchbay {

// The names that a pickle of tensors may use, and what they make.
inline constexpr std::string_view kOrderedDict = "collections.OrderedDict";
inline constexpr std::string_view kRebuildTensor = "torch._utils._rebuild_tensor_v2";
inline constexpr std::string_view kRebuildParameter = "torch._utils._rebuild_parameter";

// One of those, or a storage's type such as torch.HalfStorage.
bool IsKnownGlobal(std::string_view global);

// The storage of a persistent id: ("storage", type, key, device, number of elements).
absl::StatusOr<PickledTensor> StorageOf(const PickledValue& id);

// The tensor that torch._utils._rebuild_tensor_v2 makes of these arguments: (storage, offset,
// shape, strides, requires_grad, backward_hooks) and, in some versions, metadata. All its elements
// lie inside the storage, and there are no more of them than it has.
absl::StatusOr<PickledTensor> TensorOf(const PickledValue& arguments, size_t max_rank);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_PICKLE_GLOBALS_H_
