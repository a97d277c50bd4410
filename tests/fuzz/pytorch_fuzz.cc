// Whatever bytes come in, the reader refuses them or returns tensors that have the size that their
// type and shape ask for, and no more in all than it says that a file may come to.

#include <cstdlib>

#include "host/formats/pytorch_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto content = absl::MakeConstSpan(reinterpret_cast<const std::byte*>(data), size);
  const auto file = patchbay::ReadPytorchFile("input", content);
  if (!file.ok()) return 0;
  uint64_t all = 0;
  unsigned sum = 0;
  for (const auto& [name, tensor] : file->tensors) {
    uint64_t bytes = patchbay::ElementSize(tensor.type);
    for (const int64_t length : tensor.shape) bytes *= static_cast<uint64_t>(length);
    if (bytes != tensor.bytes.size()) std::abort();
    for (const std::byte byte : tensor.bytes) sum += static_cast<unsigned>(byte);
    all += bytes;
  }
  if (all > 8 * size) std::abort();
  [[maybe_unused]] static volatile unsigned sink = 0;
  sink = sum;  // so that every byte is read
  return 0;
}
