// Format: Exif 2.32 (CIPA DC-008), sections 4.5 and 4.6.

#include "host/formats/exif.h"

#include <cstdint>
#include <cstring>
#include <utility>

namespace patchbay {
namespace {

constexpr uint16_t kOrientationTag = 0x0112;
constexpr uint16_t kExifFolderTag = 0x8769;
constexpr uint16_t kUserCommentTag = 0x9286;
constexpr uint16_t kTypeLong = 4;
constexpr uint16_t kTypeUndefined = 7;
constexpr size_t kEntryBytes = 12;

class TiffReader {
 public:
  explicit TiffReader(absl::Span<const std::byte> bytes) : bytes_(bytes) {
    big_endian_ = bytes.size() > 1 && bytes[0] == std::byte{'M'};
  }

  bool IsTiff() const {
    constexpr uint32_t kMagic = 42;
    return bytes_.size() >= 8 && bytes_[0] == bytes_[1] &&
           (bytes_[0] == std::byte{'I'} || big_endian_) && Number(2, 2) == kMagic;
  }

  // 0 beyond the end.
  uint32_t Number(size_t position, size_t size) const {
    if (position > bytes_.size() || size > bytes_.size() - position) return 0;
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i) {
      const size_t shift = 8 * (big_endian_ ? size - 1 - i : i);
      value |= static_cast<uint32_t>(bytes_[position + i]) << shift;
    }
    return value;
  }

 private:
  absl::Span<const std::byte> bytes_;
  bool big_endian_ = false;
};

void Append(std::string& bytes, uint32_t value, size_t size) {
  for (size_t i = size; i-- > 0;) bytes.push_back(static_cast<char>(value >> (8 * i)));
}

void AppendFolder(std::string& bytes, uint16_t tag, uint16_t type, uint32_t count, uint32_t value) {
  Append(bytes, 1, 2);
  Append(bytes, tag, 2);
  Append(bytes, type, 2);
  Append(bytes, count, 4);
  Append(bytes, value, 4);
  Append(bytes, 0, 4);
}

// Malformed UTF-8 becomes U+FFFD.
std::string Utf16BigEndian(const std::string& text) {
  std::string result;
  const auto add = [&result](uint32_t unit) {
    result.push_back(static_cast<char>(unit >> 8));
    result.push_back(static_cast<char>(unit));
  };
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const size_t length = byte < 0x80    ? 1
                          : byte >= 0xF8 ? 0
                          : byte >= 0xF0 ? 4
                          : byte >= 0xE0 ? 3
                          : byte >= 0xC0 ? 2
                                         : 0;
    uint32_t code = length <= 1 ? byte : byte & (0xFFu >> (length + 1));
    bool valid = length > 0 && i + length <= text.size();
    for (size_t k = 1; valid && k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      valid = (next & 0xC0) == 0x80;
      code = code << 6 | (next & 0x3F);
    }
    const bool surrogate = code >= 0xD800 && code < 0xE000;
    if (!valid || surrogate || code > 0x10FFFF) code = 0xFFFD;
    i += valid ? length : 1;
    if (code >= 0x10000) {
      add(0xD800 + ((code - 0x10000) >> 10));
      add(0xDC00 + ((code - 0x10000) & 0x3FF));
    } else {
      add(code);
    }
  }
  return result;
}

}  // namespace

int ReadExifOrientation(absl::Span<const std::byte> exif) {
  const TiffReader tiff(exif);
  if (!tiff.IsTiff()) return 1;
  const size_t folder = tiff.Number(4, 4);
  const uint32_t entries = tiff.Number(folder, 2);
  for (uint32_t i = 0; i < entries; ++i) {
    const size_t entry = folder + 2 + size_t{i} * kEntryBytes;
    if (entry + kEntryBytes > exif.size()) break;
    if (tiff.Number(entry, 2) != kOrientationTag) continue;
    const uint32_t orientation = tiff.Number(entry + 8, 2);
    return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : 1;
  }
  return 1;
}

std::string MakeExifComment(const std::string& comment) {
  const std::string text = std::string("UNICODE\0", 8) + Utf16BigEndian(comment);
  // Big-endian like the text, since programs disagree on which of the two rules the latter.
  std::string exif("MM\0*", 4);
  Append(exif, 8, 4);
  constexpr uint32_t kFolderBytes = 2 + kEntryBytes + 4;
  AppendFolder(exif, kExifFolderTag, kTypeLong, 1, 8 + kFolderBytes);
  AppendFolder(exif, kUserCommentTag, kTypeUndefined, static_cast<uint32_t>(text.size()),
               8 + 2 * kFolderBytes);
  return exif + text;
}

Picture ApplyOrientation(Picture picture, int orientation) {
  if (orientation <= 1 || orientation > 8) return picture;
  const bool swapped = orientation >= 5;
  Picture upright;
  upright.width = swapped ? picture.height : picture.width;
  upright.height = swapped ? picture.width : picture.height;
  upright.channels = picture.channels;
  upright.pixels.resize(picture.pixels.size());
  const size_t channels = static_cast<size_t>(picture.channels);
  for (int y = 0; y < upright.height; ++y) {
    for (int x = 0; x < upright.width; ++x) {
      int column = swapped ? y : x;
      int row = swapped ? x : y;
      // 2, 3, 7, 8: read from the right; 3, 4, 6, 7: read from the bottom.
      if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) {
        column = picture.width - 1 - column;
      }
      if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) {
        row = picture.height - 1 - row;
      }
      const size_t from = static_cast<size_t>(row) * static_cast<size_t>(picture.width) +
                          static_cast<size_t>(column);
      const size_t to =
          static_cast<size_t>(y) * static_cast<size_t>(upright.width) + static_cast<size_t>(x);
      std::memcpy(&upright.pixels[to * channels], &picture.pixels[from * channels], channels);
    }
  }
  return upright;
}

}  // namespace patchbay
