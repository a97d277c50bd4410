// Whatever bytes come in, the reader refuses them or returns tensors that lie inside them, do not
// overlap and have the size that their type and shape ask for; quantized ones can be computed.

#include <cstdlib>
#include <vector>

#include "host/formats/gguf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto content = absl::MakeConstSpan(reinterpret_cast<const std::byte*>(data), size);
  patchbay::GgufTensors tensors;
  if (!patchbay::ParseGguf("input", content, {}, tensors).ok()) return 0;
  uint64_t covered = 0;
  for (const auto& [name, tensor] : tensors) {
    uint64_t numbers = 1;
    for (const int64_t length : tensor.shape) numbers *= static_cast<uint64_t>(length);
    const uint64_t block = patchbay::GgufBlockElements(tensor.type);
    if (numbers % block != 0 ||
        numbers / block * patchbay::GgufBlockBytes(tensor.type) != tensor.bytes.size()) {
      std::abort();
    }
    if (tensor.bytes.data() < content.data() ||
        tensor.bytes.data() + tensor.bytes.size() > content.data() + content.size()) {
      std::abort();
    }
    covered += tensor.bytes.size();
    if (patchbay::GgufElementType(tensor.type).has_value()) continue;
    std::vector<float> values(numbers);
    patchbay::DequantizeGguf(tensor.type, tensor.bytes, values.data());
  }
  if (covered > size) std::abort();
  return 0;
}
