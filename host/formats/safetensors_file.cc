#include <utility>

#include "host/base/status_macros.h"
#include "host/formats/safetensors.h"

namespace patchbay {

absl::StatusOr<SafetensorsFile> SafetensorsFile::Open(const std::string& path,
                                                      const SafetensorsLimits& limits) {
  SafetensorsFile result;
  PATCHBAY_ASSIGN_OR_RETURN(result.file_, MappedFile::Open(path));
  PATCHBAY_RETURN_IF_ERROR(
      ParseSafetensors(path, result.file_->bytes(), limits, result.tensors_, result.metadata_));
  return result;
}

}  // namespace patchbay
