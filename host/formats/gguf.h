#ifndef PATCHBAY_HOST_FORMATS_GGUF_H_
#define PATCHBAY_HOST_FORMATS_GGUF_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "host/base/mapped_file.h"
#include "host/formats/gguf_type.h"

namespace patchbay {

struct GgufTensor {
  GgufType type = GgufType::kFloat32;
  // Row-major, the slowest dimension first (GGUF writes them the other way round). Where the file
  // says what shape a tensor had before it was rearranged for its blocks, as ComfyUI-GGUF does
  // ("comfy.gguf.orig_shape."), that shape.
  std::vector<int64_t> shape;
  // Inside the mapped file; valid as long as the GgufFile that it came from or its file().
  absl::Span<const std::byte> bytes;
};

struct GgufLimits {
  uint64_t max_header_bytes = 25u << 20;
  size_t max_tensors = 200'000;
  size_t max_metadata = 200'000;
  size_t max_name_bytes = 1024;
  size_t max_rank = 8;
};

using GgufTensors = std::map<std::string, GgufTensor, std::less<>>;

// A GGUF file (versions 2 and 3, little-endian) whose header has been checked completely: every
// tensor is of a known type, lies inside the file at the file's alignment, has exactly the bytes
// that its type and shape ask for, and overlaps no other. Values may be NaN or infinite. Immutable;
// any thread may read. Format: https://github.com/ggml-org/ggml, docs/gguf.md.
class GgufFile {
 public:
  // INVALID_ARGUMENT names the file, the rule that it breaks and the tensor.
  static absl::StatusOr<GgufFile> Open(const std::string& path, const GgufLimits& limits = {});

  const std::string& path() const { return file_->path(); }
  const GgufTensors& tensors() const { return tensors_; }
  // Keeps the tensors' bytes mapped.
  const std::shared_ptr<const MappedFile>& file() const { return file_; }

 private:
  GgufFile() = default;

  std::shared_ptr<const MappedFile> file_;
  GgufTensors tensors_;
};

// Whether a path is that of a GGUF file, by its ending.
bool IsGgufPath(std::string_view path);

// Checks and reads a file that lies in memory; GgufFile::Open uses it, and so does the fuzzer.
// `name` is what error messages call the file. The tensors' bytes point into `content`.
absl::Status ParseGguf(std::string_view name, absl::Span<const std::byte> content,
                       const GgufLimits& limits, GgufTensors& tensors);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_GGUF_H_
