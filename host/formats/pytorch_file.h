#ifndef PATCHBAY_HOST_FORMATS_PYTORCH_FILE_H_
#define PATCHBAY_HOST_FORMATS_PYTORCH_FILE_H_

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "host/formats/safetensors.h"

namespace patchbay {

inline constexpr size_t kMostNamesLeftOut = 1000;

// The tensors of a file that torch.save() wrote (.th, .pt, .pth, .bin, .ckpt), in the zip format
// that it has since PyTorch 1.6.
struct PytorchTensors {
  // Names of nested dictionaries and lists are joined by dots. What stands under "state_dict" at
  // the top stands for the whole.
  std::map<std::string, SafetensorsTensor, std::less<>> tensors;
  // What was left out, since it is no tensor: "global_step". The first kMostNamesLeftOut of it.
  std::vector<std::string> left_out;
  // The tensors' bytes.
  std::deque<std::string> storages;
};

// Reads such a file from memory, without running anything of it; see ReadPickle(). `name` is what
// errors call it. Takes as much memory as the tensors. INVALID_ARGUMENT: damaged, of another kind
// (which is recognised, with advice), or asking for more than tensors.
absl::StatusOr<PytorchTensors> ReadPytorchFile(std::string_view name,
                                               absl::Span<const std::byte> content);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_PYTORCH_FILE_H_
