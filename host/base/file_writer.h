#ifndef PATCHBAY_HOST_BASE_FILE_WRITER_H_
#define PATCHBAY_HOST_BASE_FILE_WRITER_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace patchbay {

// Writes the parts one after another to `path`, whole or not at all: into a temporary file in the
// same folder first, which is flushed to disk and then renamed. After an error (a full disk, a
// missing folder) the old file, if any, is untouched and no temporary file is left. A pipe or a
// device that is already there is written to as it is.
absl::Status WriteFileAtomically(const std::string& path, absl::Span<const std::string_view> parts);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_BASE_FILE_WRITER_H_
