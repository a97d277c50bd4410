#ifndef PATCHBAY_HOST_PLUGINS_TENSOR_FILES_H_
#define PATCHBAY_HOST_PLUGINS_TENSOR_FILES_H_

#include "patchbay/abi/tensor_file.h"

namespace patchbay {

// How plugins read safetensors files: PATCHBAY_EXTENSION_TENSOR_FILES. Lives as long as the
// process.
const patchbay_tensor_file_functions& TensorFileFunctions();

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_TENSOR_FILES_H_
