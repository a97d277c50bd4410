#include "host/runtime/checkpoint/checkpoint.h"

#include <c10/util/Exception.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/formats/gguf.h"
#include "host/formats/safetensors.h"
#include "host/runtime/checkpoint/diffusers_folder.h"
#include "host/runtime/checkpoint/integer_weight_file.h"
#include "host/runtime/checkpoint/single_file.h"
#include "host/runtime/checkpoint/unet_file.h"

namespace patchbay {

namespace {

absl::StatusOr<Checkpoint> Open(const std::string& path, const OpenCheckpointOptions& options) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    return absl::NotFoundError(absl::StrCat("there is no file or folder ", path));
  }
  if (std::filesystem::is_directory(status)) return OpenDiffusersFolder(path, options);
  if (IsGgufPath(path)) return OpenGgufCheckpoint(path, options);
  PATCHBAY_ASSIGN_OR_RETURN(const SafetensorsFile file, SafetensorsFile::Open(path));
  if (HasIntegerWeights(file)) return OpenIntegerCheckpoint(file, options);
  return OpenSingleFile(ContentOf(file), options);
}

}  // namespace

absl::StatusOr<Checkpoint> OpenCheckpoint(const std::string& path,
                                          const OpenCheckpointOptions& options) {
  try {
    return Open(path, options);
  } catch (const c10::Error& error) {
    // What is derived from shapes asks LibTorch for dimensions that damaged tensors do not have.
    return absl::InvalidArgumentError(absl::StrCat(
        path, " has a tensor whose shape no such model has: ", error.what_without_backtrace(),
        "; the file is damaged, get it again"));
  }
}

}  // namespace patchbay
