#ifndef PATCHBAY_HOST_FORMATS_GGUF_METADATA_H_
#define PATCHBAY_HOST_FORMATS_GGUF_METADATA_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/formats/gguf_reader.h"

namespace patchbay {

// What of the metadata matters here.
struct GgufMetadata {
  uint64_t alignment = 32;
  // By the tensor's name.
  std::map<std::string, std::vector<int64_t>, std::less<>> original_shapes;
};

// Reads and checks `count` entries of a key, a type and a value. INVALID_ARGUMENT names the key.
absl::StatusOr<GgufMetadata> ReadGgufMetadata(GgufReader& reader, uint64_t count,
                                              const GgufLimits& limits);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_GGUF_METADATA_H_
