#ifndef PATCHBAY_HOST_BASE_SHA256_H_
#define PATCHBAY_HOST_BASE_SHA256_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace patchbay {

// SHA-256 (FIPS 180-4) of bytes that arrive in parts.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();

  void Update(std::string_view bytes);
  // 64 lower-case hexadecimal digits. Nothing can be added afterwards.
  std::string Finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string Sha256Of(std::string_view bytes);
// Of a file's bytes. The errors of MappedFile::Open.
absl::StatusOr<std::string> Sha256OfFile(const std::string& path);

// Whether a text is made of lower-case hexadecimal digits only.
bool IsHexadecimal(std::string_view text);
// Whether a text is 64 lower-case hexadecimal digits.
bool IsSha256(std::string_view text);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_BASE_SHA256_H_
