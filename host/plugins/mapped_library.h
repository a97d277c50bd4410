#ifndef PATCHBAY_HOST_PLUGINS_MAPPED_LIBRARY_H_
#define PATCHBAY_HOST_PLUGINS_MAPPED_LIBRARY_H_

#include <string>

#include "absl/status/status.h"

namespace patchbay {

// What the process really holds of a library: the loader's own functions report success either way.

// Whether a library of this path is mapped.
bool IsMapped(const std::string& path);

// Whether the library that `address` lies in was mapped from what the file holds now. The loader
// knows libraries by their path: when a file was replaced under one that is still mapped, it hands
// out the old one. FAILED_PRECONDITION then.
absl::Status CheckMappedFrom(const std::string& path, const void* address);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_MAPPED_LIBRARY_H_
