#ifndef PATCHBAY_HOST_PLUGINS_LIBRARY_DIGEST_H_
#define PATCHBAY_HOST_PLUGINS_LIBRARY_DIGEST_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace patchbay {

// The SHA-256 (FIPS 180-4) of a file's bytes as 64 lower-case hexadecimal digits: the name of a
// build. The errors of MappedFile::Open.
absl::StatusOr<std::string> LibraryDigest(const std::string& path);

// Whether `text` is made of lower-case hexadecimal digits only.
bool IsHexadecimal(std::string_view text);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_LIBRARY_DIGEST_H_
