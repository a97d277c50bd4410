#ifndef PATCHBAY_HOST_RUNTIME_CHECKPOINT_TEXT_FILE_H_
#define PATCHBAY_HOST_RUNTIME_CHECKPOINT_TEXT_FILE_H_

#include <string>

#include "absl/status/statusor.h"

namespace patchbay {

// The content of a configuration file. NOT_FOUND and other errors as MappedFile::Open;
// INVALID_ARGUMENT when it is larger than any such file should be (64 MiB).
absl::StatusOr<std::string> ReadTextFile(const std::string& path);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_CHECKPOINT_TEXT_FILE_H_
