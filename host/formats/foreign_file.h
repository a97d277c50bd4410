#ifndef PATCHBAY_HOST_FORMATS_FOREIGN_FILE_H_
#define PATCHBAY_HOST_FORMATS_FOREIGN_FILE_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/types/span.h"

namespace patchbay {

// Recognises what people offer in place of a safetensors file by its first bytes: a pickled
// checkpoint, a Git LFS pointer, a web page, a GGUF file. Returns a sentence that says what it is
// and what to do; nothing when it is none of these.
std::optional<std::string> DescribeForeignFile(absl::Span<const std::byte> content);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_FOREIGN_FILE_H_
