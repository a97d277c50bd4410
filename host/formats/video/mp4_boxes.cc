#include "host/formats/video/mp4_boxes.h"

#include <unistd.h>

#include <array>
#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace patchbay {
namespace {

constexpr uint64_t kHead = 8;
constexpr uint64_t kLongHead = 16;  // with a size of 64 bits

uint64_t BigEndian(const unsigned char* bytes, int count) {
  uint64_t number = 0;
  for (int i = 0; i < count; ++i) number = number << 8 | bytes[i];
  return number;
}

// The size of the box that begins at `at`; 0: it goes to the end.
absl::StatusOr<uint64_t> SizeOfBox(const std::array<unsigned char, kLongHead>& head, uint64_t at) {
  const uint64_t size = BigEndian(head.data(), 4);
  if (size == 0) return 0;
  const uint64_t full = size == 1 ? BigEndian(head.data() + kHead, 8) : size;
  if (full >= (size == 1 ? kLongHead : kHead)) return full;
  return absl::InvalidArgumentError(absl::StrCat("the file is damaged at byte ", at));
}

}  // namespace

absl::Status CheckMp4Boxes(int descriptor) {
  const off_t here = lseek(descriptor, 0, SEEK_CUR);
  const auto end = static_cast<uint64_t>(lseek(descriptor, 0, SEEK_END));
  lseek(descriptor, here, SEEK_SET);
  bool has_index = false;
  for (uint64_t at = 0; at + kHead <= end;) {
    std::array<unsigned char, kLongHead> head{};
    if (pread(descriptor, head.data(), head.size(), static_cast<off_t>(at)) <
        static_cast<ssize_t>(kHead)) {
      break;
    }
    const std::string_view kind(reinterpret_cast<const char*>(head.data()) + 4, 4);
    has_index = has_index || kind == "moov";
    const absl::StatusOr<uint64_t> size = SizeOfBox(head, at);
    if (!size.ok()) return size.status();
    if (*size == 0) break;
    if (*size > end - at) {
      return absl::InvalidArgumentError(absl::StrCat("the file is truncated: it has ", end,
                                                     " bytes, and what begins at byte ", at,
                                                     " has ", *size));
    }
    at += *size;
  }
  if (has_index) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "the file is truncated: its index, which MP4 files often have at their end, is missing");
}

}  // namespace patchbay
