#ifndef PATCHBAY_TESTS_PARITY_CHECKPOINT_DUMP_H_
#define PATCHBAY_TESTS_PARITY_CHECKPOINT_DUMP_H_

#include <ATen/ATen.h>

#include <map>
#include <string>

#include "absl/status/status.h"
#include "host/formats/safetensors.h"

namespace patchbay {

// Writes tensors in fp32 to a safetensors file for the reference side to compare.
inline absl::Status DumpTensors(const std::string& path,
                                const std::map<std::string, at::Tensor>& tensors) {
  std::map<std::string, at::Tensor> kept;
  std::map<std::string, SafetensorsTensor, std::less<>> stored;
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor& values = kept[name] = tensor.to(at::kFloat).contiguous();
    SafetensorsTensor entry;
    entry.type = ElementType::kFloat32;
    entry.shape = values.sizes().vec();
    entry.bytes = absl::MakeConstSpan(static_cast<const std::byte*>(values.const_data_ptr()),
                                      values.nbytes());
    stored.emplace(name, entry);
  }
  return WriteSafetensors(path, stored);
}

}  // namespace patchbay

#endif  // PATCHBAY_TESTS_PARITY_CHECKPOINT_DUMP_H_
