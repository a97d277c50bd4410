#include "absl/strings/match.h"
#include "host/base/status_macros.h"
#include "host/formats/gguf.h"

namespace patchbay {

absl::StatusOr<GgufFile> GgufFile::Open(const std::string& path, const GgufLimits& limits) {
  GgufFile result;
  PATCHBAY_ASSIGN_OR_RETURN(result.file_, MappedFile::Open(path));
  PATCHBAY_RETURN_IF_ERROR(ParseGguf(path, result.file_->bytes(), limits, result.tensors_));
  return result;
}

bool IsGgufPath(std::string_view path) {
  return absl::EndsWithIgnoreCase(std::string(path), ".gguf");
}

}  // namespace patchbay
