// Whatever bytes come in, the reader refuses them or returns tensors that lie inside them and have
// the size that their type and shape ask for.

#include <cstdlib>

#include "host/formats/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto content = absl::MakeConstSpan(reinterpret_cast<const std::byte*>(data), size);
  std::map<std::string, patchbay::SafetensorsTensor, std::less<>> tensors;
  std::map<std::string, std::string, std::less<>> metadata;
  if (!patchbay::ParseSafetensors("input", content, {}, tensors, metadata).ok()) return 0;
  uint64_t covered = 0;
  for (const auto& [name, tensor] : tensors) {
    uint64_t bytes = patchbay::ElementSize(tensor.type);
    for (const int64_t length : tensor.shape) bytes *= static_cast<uint64_t>(length);
    if (bytes != tensor.bytes.size()) std::abort();
    if (tensor.bytes.data() < content.data() ||
        tensor.bytes.data() + tensor.bytes.size() > content.data() + content.size()) {
      std::abort();
    }
    covered += bytes;
  }
  if (covered > size) std::abort();
  return 0;
}
