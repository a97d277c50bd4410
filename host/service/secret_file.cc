#include "host/service/secret_file.h"

#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

constexpr size_t kMaxBytes = 1 << 20;

}  // namespace

absl::StatusOr<std::string> ReadSecretFile(const std::string& option, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string content(kMaxBytes, '\0');
  file.read(content.data(), kMaxBytes);
  content.resize(static_cast<size_t>(file.gcount()));
  if (!content.empty()) return content;
  return absl::NotFoundError(absl::StrCat(option, " ", path, " cannot be read or is empty"));
}

absl::StatusOr<std::string> ReadTokenFile(const std::string& option, const std::string& path) {
  PATCHBAY_ASSIGN_OR_RETURN(const std::string content, ReadSecretFile(option, path));
  std::string token(absl::StripAsciiWhitespace(content.substr(0, content.find_first_of("\r\n"))));
  if (!token.empty()) return token;
  return absl::InvalidArgumentError(
      absl::StrCat(option, " ", path, " has no token in its first line"));
}

}  // namespace patchbay
