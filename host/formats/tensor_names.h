#ifndef PATCHBAY_HOST_FORMATS_TENSOR_NAMES_H_
#define PATCHBAY_HOST_FORMATS_TENSOR_NAMES_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/formats/pickle.h"

namespace patchbay {

struct NamedTensors {
  std::map<std::string, const PickledTensor*> tensors;
  std::vector<std::string> left_out;  // the first names of what is no tensor
};

// The tensors under `root` by the names that lead to them, keys of dictionaries and places in lists
// joined by dots. Where the root is a dictionary with a dictionary "state_dict", that stands for
// the root (PyTorch Lightning), and the rest is left out. INVALID_ARGUMENT: two tensors of one
// name, keys that are neither texts nor numbers, nesting without end, no tensor at all.
absl::StatusOr<NamedTensors> NameTensors(const PickledValue& root);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_TENSOR_NAMES_H_
