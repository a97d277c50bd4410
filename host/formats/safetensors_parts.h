#ifndef PATCHBAY_HOST_FORMATS_SAFETENSORS_PARTS_H_
#define PATCHBAY_HOST_FORMATS_SAFETENSORS_PARTS_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "host/formats/safetensors.h"

namespace patchbay {

// A safetensors file before it is written: these bytes, one after another.
struct SafetensorsParts {
  std::string head;                       // the header's length, and the header
  std::vector<std::string_view> tensors;  // of the caller's memory

  uint64_t size() const {
    uint64_t bytes = head.size();
    for (const std::string_view tensor : tensors) bytes += tensor.size();
    return bytes;
  }
};

// The parts that WriteSafetensors() writes, for those who write elsewhere. Tensors are row-major;
// the parts point into them. INVALID_ARGUMENT for a tensor whose bytes do not fit its type and
// shape, for a reserved name, and for texts that are not valid UTF-8.
absl::StatusOr<SafetensorsParts> LayOutSafetensors(
    const std::map<std::string, SafetensorsTensor, std::less<>>& tensors,
    const std::map<std::string, std::string, std::less<>>& metadata = {});

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_SAFETENSORS_PARTS_H_
