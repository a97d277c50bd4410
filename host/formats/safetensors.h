#ifndef PATCHBAY_HOST_FORMATS_SAFETENSORS_H_
#define PATCHBAY_HOST_FORMATS_SAFETENSORS_H_

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
#include "host/formats/element_type.h"

namespace patchbay {

struct SafetensorsTensor {
  ElementType type = ElementType::kFloat32;
  // Row-major; empty for a single number.
  std::vector<int64_t> shape;
  // Inside the mapped file; valid as long as the SafetensorsFile that it came from or its file().
  absl::Span<const std::byte> bytes;
};

struct SafetensorsLimits {
  uint64_t max_header_bytes = 25u << 20;
  size_t max_tensors = 200'000;
  size_t max_name_bytes = 1024;
  size_t max_rank = 8;
};

// A safetensors file whose header has been checked completely: every tensor lies inside the file,
// has exactly the bytes that its type and shape ask for, and the tensors cover the data without
// holes or overlaps. Values may be NaN or infinite. Immutable; any thread may read. Format:
// https://github.com/huggingface/safetensors, README, "Format".
class SafetensorsFile {
 public:
  // INVALID_ARGUMENT names the file, the rule that it breaks and the tensor. A file that is
  // something else (a pickle, a Git LFS pointer, an HTML page, a GGUF file) is recognised and the
  // message says what to do.
  static absl::StatusOr<SafetensorsFile> Open(const std::string& path,
                                              const SafetensorsLimits& limits = {});

  const std::string& path() const { return file_->path(); }
  const std::map<std::string, SafetensorsTensor, std::less<>>& tensors() const { return tensors_; }
  // The header's __metadata__.
  const std::map<std::string, std::string, std::less<>>& metadata() const { return metadata_; }
  // Keeps the tensors' bytes mapped.
  const std::shared_ptr<const MappedFile>& file() const { return file_; }

 private:
  SafetensorsFile() = default;

  std::shared_ptr<const MappedFile> file_;
  std::map<std::string, SafetensorsTensor, std::less<>> tensors_;
  std::map<std::string, std::string, std::less<>> metadata_;
};

// Checks and reads a header that lies in memory; SafetensorsFile::Open uses it, and so does the
// fuzzer. `name` is what error messages call the file. The tensors' bytes point into `content`.
absl::Status ParseSafetensors(std::string_view name, absl::Span<const std::byte> content,
                              const SafetensorsLimits& limits,
                              std::map<std::string, SafetensorsTensor, std::less<>>& tensors,
                              std::map<std::string, std::string, std::less<>>& metadata);

// Writes a file with these tensors (row-major bytes), whole or not at all.
absl::Status WriteSafetensors(const std::string& path,
                              const std::map<std::string, SafetensorsTensor, std::less<>>& tensors,
                              const std::map<std::string, std::string, std::less<>>& metadata = {});

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_SAFETENSORS_H_
