#ifndef PATCHBAY_BRIDGES_COMMON_MODEL_FILE_NAME_H_
#define PATCHBAY_BRIDGES_COMMON_MODEL_FILE_NAME_H_

#include <string>

#include "absl/strings/match.h"

namespace patchbay {

// What UIs show a model of the host's as, which they know by its file: the host's name and the
// ending that the host leaves out. The names of GGUF files keep theirs.
inline std::string ModelFileName(const std::string& host_name) {
  return absl::EndsWithIgnoreCase(host_name, ".gguf") ? host_name : host_name + ".safetensors";
}

}  // namespace patchbay

#endif  // PATCHBAY_BRIDGES_COMMON_MODEL_FILE_NAME_H_
