#include "tests/one_process/tensor_work.h"

#include <ATen/ATen.h>

namespace patchbay {

float SumWithTensors(const std::vector<float>& values) {
  // Through a matrix product, which starts LibTorch's threads and its own libraries.
  const at::Tensor row = at::tensor(values).unsqueeze(0);
  return at::mm(row, at::ones({row.size(1), 1})).item<float>();
}

std::string MessageOfFailure() {
  try {
    at::mm(at::ones({2, 3}), at::ones({4, 5}));
  } catch (const c10::Error& error) {
    return error.what_without_backtrace();
  }
  return "";
}

}  // namespace patchbay
