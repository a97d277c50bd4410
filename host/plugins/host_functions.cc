#include "host/plugins/host_functions.h"

#include <ATen/ATen.h>
#include <ATen/DLConvertor.h>

#include <cstdio>
#include <cstring>
#include <exception>

#include "host/plugins/tensor_files.h"
#include "host/runtime/hooks/tensor_handle.h"

namespace patchbay {
namespace {

// Runs `work` for a plugin: no exception reaches it.
template <typename Work>
patchbay_status Guarded(patchbay_error* error, const Work& work) {
  try {
    work();
    return PATCHBAY_OK;
  } catch (const std::exception& failure) {
    if (error != nullptr) std::snprintf(error->text, sizeof(error->text), "%s", failure.what());
    return PATCHBAY_INVALID_ARGUMENT;
  }
}

patchbay_status ToDlpack(patchbay_tensor tensor, DLManagedTensor** view, patchbay_error* error) {
  return Guarded(error, [&] { *view = at::toDLPack(Borrowed(tensor)); });
}

patchbay_status FromDlpack(DLManagedTensor* managed, patchbay_tensor* tensor,
                           patchbay_error* error) {
  return Guarded(error, [&] {
    try {
      *tensor = NewHandle(at::fromDLPack(managed));
    } catch (...) {
      // fromDLPack takes it over only when it succeeds.
      if (managed != nullptr && managed->deleter != nullptr) managed->deleter(managed);
      throw;
    }
  });
}

patchbay_status Duplicate(patchbay_tensor tensor, patchbay_tensor* copy) {
  return Guarded(nullptr, [&] { *copy = NewHandle(Borrowed(tensor)); });
}

void Release(patchbay_tensor tensor) { Adopted(tensor); }

void Log(const patchbay_host*, patchbay_log_level level, const char* text) {
  const char* const word = level == PATCHBAY_LOG_ERROR     ? "error"
                           : level == PATCHBAY_LOG_WARNING ? "warning"
                                                           : "info";
  std::fprintf(stderr, "plugin: %s: %s\n", word, text);
}

const void* Extension(const patchbay_host*, const char* id) {
  if (std::strcmp(id, PATCHBAY_EXTENSION_TENSOR_FILES) == 0) return &TensorFileFunctions();
  return nullptr;
}

}  // namespace

const patchbay_host& HostFunctions() {
  static constexpr patchbay_tensor_functions kTensors = {
      .struct_size = sizeof(patchbay_tensor_functions),
      .to_dlpack = &ToDlpack,
      .from_dlpack = &FromDlpack,
      .duplicate = &Duplicate,
      .release = &Release,
  };
  static constexpr patchbay_host kHost = {
      .struct_size = sizeof(patchbay_host),
      .name = "patchbay",
      .version = PATCHBAY_VERSION,
      .tensors = &kTensors,
      .log = &Log,
      .extension = &Extension,
  };
  return kHost;
}

}  // namespace patchbay
