#include "host/plugins/tensor_files.h"

#include <cstdio>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "host/base/spelling.h"
#include "host/base/status_macros.h"
#include "host/formats/safetensors.h"
#include "host/runtime/checkpoint/weight_map.h"
#include "host/runtime/hooks/tensor_handle.h"

// What a plugin's handle stands for. The format's reader has checked the header.
struct patchbay_tensor_file {
  explicit patchbay_tensor_file(patchbay::SafetensorsFile opened) : file(std::move(opened)) {
    entries.reserve(file.tensors().size());
    for (const auto& [name, tensor] : file.tensors()) {
      entries.push_back({.struct_size = sizeof(patchbay_tensor_entry),
                         .name = name.c_str(),
                         // A literal: it ends in a zero byte.
                         .type = patchbay::ElementTypeName(tensor.type).data(),
                         .dimensions = static_cast<uint32_t>(tensor.shape.size()),
                         .shape = tensor.shape.data()});
    }
  }
  patchbay_tensor_file(const patchbay_tensor_file&) = delete;
  patchbay_tensor_file& operator=(const patchbay_tensor_file&) = delete;

  const patchbay::SafetensorsFile file;
  std::vector<patchbay_tensor_entry> entries;  // in the order of file.tensors()
};

namespace patchbay {
namespace {

patchbay_status Report(const absl::Status& status, patchbay_error* error) {
  if (!status.ok() && error != nullptr) {
    std::snprintf(error->text, sizeof(error->text), "%s", std::string(status.message()).c_str());
  }
  return static_cast<patchbay_status>(status.code());
}

// Runs `work` for a plugin: no exception reaches it.
template <typename Work>
patchbay_status Guarded(patchbay_error* error, const Work& work) {
  try {
    return Report(work(), error);
  } catch (const std::exception& failure) {
    return Report(absl::ResourceExhaustedError(failure.what()), error);
  }
}

absl::Status Missing(const patchbay_tensor_file& file, const std::string& name) {
  std::vector<std::string> names;
  for (const auto& [known, tensor] : file.file.tensors()) names.push_back(known);
  const std::string nearest = NearestSpelling(name, names);
  return absl::NotFoundError(
      absl::StrCat(file.file.path(), " has no tensor \"", name.substr(0, 200), "\"",
                   nearest.empty() ? "" : absl::StrCat("; the nearest is \"", nearest, "\"")));
}

absl::StatusOr<at::Tensor> ReadTensor(const patchbay_tensor_file& file, const std::string& name) {
  const auto found = file.file.tensors().find(name);
  if (found == file.file.tensors().end()) return Missing(file, name);
  const StoredWeight stored = ViewStoredWeight(found->second, file.file.file());
  at::Tensor tensor = stored.tensor.clone();
  PATCHBAY_RETURN_IF_ERROR(file.file.file()->CheckUnchanged());
  stored.Forget();
  return tensor;
}

patchbay_status Open(const char* path, patchbay_tensor_file** file, patchbay_error* error) {
  return Guarded(error, [&]() -> absl::Status {
    if (path == nullptr || *path == '\0') {
      return absl::InvalidArgumentError("there is no file of tensors to open; none was given");
    }
    PATCHBAY_ASSIGN_OR_RETURN(SafetensorsFile opened, SafetensorsFile::Open(path));
    *file = new patchbay_tensor_file(std::move(opened));
    return absl::OkStatus();
  });
}

void Close(patchbay_tensor_file* file) { delete file; }

uint32_t Count(const patchbay_tensor_file* file) {
  return static_cast<uint32_t>(file->entries.size());
}

const patchbay_tensor_entry* Entry(const patchbay_tensor_file* file, uint32_t index) {
  return index < file->entries.size() ? &file->entries[index] : nullptr;
}

const patchbay_tensor_entry* Find(const patchbay_tensor_file* file, const char* name) {
  const auto found = file->file.tensors().find(std::string_view(name));
  if (found == file->file.tensors().end()) return nullptr;
  return &file->entries[std::distance(file->file.tensors().begin(), found)];
}

patchbay_status Read(const patchbay_tensor_file* file, const char* name, patchbay_tensor* tensor,
                     patchbay_error* error) {
  return Guarded(error, [&]() -> absl::Status {
    PATCHBAY_ASSIGN_OR_RETURN(at::Tensor read, ReadTensor(*file, name));
    *tensor = NewHandle(std::move(read));
    return absl::OkStatus();
  });
}

const char* Metadata(const patchbay_tensor_file* file, const char* key) {
  const auto found = file->file.metadata().find(std::string_view(key));
  return found == file->file.metadata().end() ? nullptr : found->second.c_str();
}

}  // namespace

const patchbay_tensor_file_functions& TensorFileFunctions() {
  static constexpr patchbay_tensor_file_functions kFunctions = {
      .struct_size = sizeof(patchbay_tensor_file_functions),
      .open = &Open,
      .close = &Close,
      .count = &Count,
      .entry = &Entry,
      .find = &Find,
      .read = &Read,
      .metadata = &Metadata,
  };
  return kFunctions;
}

}  // namespace patchbay
