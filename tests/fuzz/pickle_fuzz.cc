// Whatever bytes come in, the reader refuses them or returns values that belong to it, among them
// tensors whose elements lie inside their storage; naming the tensors ends.

#include <algorithm>
#include <cstdlib>
#include <set>

#include "host/formats/element_type.h"
#include "host/formats/pickle.h"
#include "host/formats/tensor_names.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto content = absl::MakeConstSpan(reinterpret_cast<const std::byte*>(data), size);
  const auto pickle = patchbay::ReadPickle(content);
  if (!pickle.ok()) return 0;
  std::set<const patchbay::PickledValue*> own;
  for (const patchbay::PickledValue& value : pickle->values) own.insert(&value);
  for (const patchbay::PickledValue& value : pickle->values) {
    for (const patchbay::PickledValue* item : value.items) {
      if (!own.contains(item)) std::abort();
    }
    if (value.kind != patchbay::PickledValue::Kind::kTensor) continue;
    const patchbay::PickledTensor& tensor = *value.tensor;
    if (tensor.shape.size() != tensor.strides.size()) std::abort();
    if (std::count(tensor.shape.begin(), tensor.shape.end(), 0) > 0) continue;
    uint64_t last = tensor.offset;
    for (size_t i = 0; i < tensor.shape.size(); ++i) {
      last += static_cast<uint64_t>((tensor.shape[i] - 1) * tensor.strides[i]);
    }
    if (last >= tensor.storage_elements) std::abort();
  }
  if (pickle->root == nullptr) std::abort();
  const auto named = patchbay::NameTensors(*pickle->root);
  if (named.ok() && named->tensors.empty()) std::abort();
  return 0;
}
