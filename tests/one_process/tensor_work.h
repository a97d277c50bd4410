#ifndef PATCHBAY_TESTS_ONE_PROCESS_TENSOR_WORK_H_
#define PATCHBAY_TESTS_ONE_PROCESS_TENSOR_WORK_H_

#include <string>
#include <vector>

namespace patchbay {

// The sum, computed by LibTorch.
float SumWithTensors(const std::vector<float>& values);

// What LibTorch says about a matrix product of shapes that do not fit: its exceptions must be
// catchable here and nowhere else.
std::string MessageOfFailure();

}  // namespace patchbay

#endif  // PATCHBAY_TESTS_ONE_PROCESS_TENSOR_WORK_H_
