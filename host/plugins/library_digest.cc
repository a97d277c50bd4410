#include "host/plugins/library_digest.h"

#include <openssl/evp.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "host/base/mapped_file.h"
#include "host/base/status_macros.h"

namespace patchbay {

absl::StatusOr<std::string> LibraryDigest(const std::string& path) {
  PATCHBAY_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(file->bytes().data(), file->bytes().size(), digest, &size, EVP_sha256(),
                 nullptr) != 1) {
    return absl::InternalError(absl::StrCat("OpenSSL could not compute the SHA-256 of ", path));
  }
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest), size));
}

bool IsHexadecimal(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace patchbay
