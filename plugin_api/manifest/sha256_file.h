#ifndef PATCHBAY_PLUGIN_API_MANIFEST_SHA256_FILE_H_
#define PATCHBAY_PLUGIN_API_MANIFEST_SHA256_FILE_H_

#include <string>

namespace patchbay {

// The SHA-256 of a file's bytes as 64 lower-case hexadecimal digits. Throws std::runtime_error when
// the file cannot be read.
std::string Sha256OfFile(const std::string& path);

}  // namespace patchbay

#endif  // PATCHBAY_PLUGIN_API_MANIFEST_SHA256_FILE_H_
