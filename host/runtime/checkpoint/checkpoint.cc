#include "host/runtime/checkpoint/checkpoint.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "host/formats/gguf.h"
#include "host/runtime/checkpoint/diffusers_folder.h"
#include "host/runtime/checkpoint/gguf_checkpoint.h"
#include "host/runtime/checkpoint/single_file.h"

namespace patchbay {

absl::StatusOr<Checkpoint> OpenCheckpoint(const std::string& path,
                                          const OpenCheckpointOptions& options) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    return absl::NotFoundError(absl::StrCat("there is no file or folder ", path));
  }
  if (std::filesystem::is_directory(status)) return OpenDiffusersFolder(path, options);
  return IsGgufPath(path) ? OpenGgufCheckpoint(path, options) : OpenSingleFile(path, options);
}

}  // namespace patchbay
