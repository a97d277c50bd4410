#ifndef PATCHBAY_HOST_FORMATS_GGUF_READER_H_
#define PATCHBAY_HOST_FORMATS_GGUF_READER_H_

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "host/base/status_macros.h"
#include "host/formats/gguf.h"

namespace patchbay {

// Takes a header apart from its first byte. What does not fit before the end is an error; nothing
// is kept that the file does not hold.
class GgufReader {
 public:
  GgufReader(absl::Span<const std::byte> content, const GgufLimits& limits)
      : content_(content), end_(std::min<uint64_t>(content.size(), limits.max_header_bytes)) {}

  uint64_t position() const { return position_; }

  absl::StatusOr<absl::Span<const std::byte>> Bytes(uint64_t count) {
    if (count > end_ - position_) {
      if (end_ < content_.size()) {
        return absl::InvalidArgumentError(
            absl::StrCat("its header has more than the ", end_,
                         " bytes that are read: it is damaged, or no image model"));
      }
      return absl::InvalidArgumentError(
          absl::StrCat("its header goes beyond its end at byte ", end_,
                       ": the file is truncated or damaged; download it again"));
    }
    const auto bytes = content_.subspan(position_, count);
    position_ += count;
    return bytes;
  }

  template <typename Number>
  absl::StatusOr<Number> Read() {
    PATCHBAY_ASSIGN_OR_RETURN(const auto bytes, Bytes(sizeof(Number)));
    Number number = 0;
    for (size_t i = 0; i < bytes.size(); ++i) {
      number |= static_cast<Number>(static_cast<Number>(bytes[i]) << (8 * i));
    }
    return number;
  }

  absl::StatusOr<std::string> Text(size_t longest) {
    PATCHBAY_ASSIGN_OR_RETURN(const uint64_t length, Read<uint64_t>());
    if (length > longest) {
      return absl::InvalidArgumentError(absl::StrCat("a name in its header has ", length,
                                                     " bytes, at most ", longest,
                                                     " are read: the file is damaged"));
    }
    PATCHBAY_ASSIGN_OR_RETURN(const auto bytes, Bytes(length));
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }

 private:
  absl::Span<const std::byte> content_;
  uint64_t end_;
  uint64_t position_ = 0;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_GGUF_READER_H_
