#ifndef PATCHBAY_HOST_SERVICE_SECRET_FILE_H_
#define PATCHBAY_HOST_SERVICE_SECRET_FILE_H_

#include <string>

#include "absl/status/statusor.h"

namespace patchbay {

// A key's or certificate's whole file, at most 1 MiB. `option` is what messages call it. NOT_FOUND
// when it cannot be read or is empty.
absl::StatusOr<std::string> ReadSecretFile(const std::string& option, const std::string& path);

// The first line, without white space around it. INVALID_ARGUMENT when nothing is left.
absl::StatusOr<std::string> ReadTokenFile(const std::string& option, const std::string& path);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_SERVICE_SECRET_FILE_H_
