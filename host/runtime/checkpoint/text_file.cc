#include "host/runtime/checkpoint/text_file.h"

#include "absl/strings/str_cat.h"
#include "host/base/mapped_file.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

constexpr size_t kMaxBytes = size_t{64} << 20;

}  // namespace

absl::StatusOr<std::string> ReadTextFile(const std::string& path) {
  PATCHBAY_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  if (file->bytes().size() > kMaxBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is larger than ", kMaxBytes, " bytes and cannot be a configuration"));
  }
  return std::string(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
}

}  // namespace patchbay
