// Pictures and files made up on the spot, for the tests of the codecs.

#ifndef PATCHBAY_HOST_FORMATS_PICTURE_TEST_DATA_H_
#define PATCHBAY_HOST_FORMATS_PICTURE_TEST_DATA_H_

#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "host/formats/picture.h"

namespace patchbay {

inline absl::Span<const std::byte> BytesOf(const std::string& text) {
  return absl::MakeConstSpan(reinterpret_cast<const std::byte*>(text.data()), text.size());
}

// Smooth, without any symmetry.
inline Picture GradientPicture(int width, int height, int channels) {
  Picture picture{width, height, channels, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        const int value = 20 + 150 * x / width + 60 * y / height + 10 * c;
        picture.pixels.push_back(static_cast<uint8_t>(std::min(value, 255)));
      }
    }
  }
  return picture;
}

inline int LargestDifference(const Picture& a, const Picture& b) {
  if (a.width != b.width || a.height != b.height || a.pixels.size() != b.pixels.size()) return 256;
  int largest = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) {
    largest = std::max(largest, std::abs(int{a.pixels[i]} - int{b.pixels[i]}));
  }
  return largest;
}

inline std::string BigEndian(uint32_t value, int bytes = 4) {
  std::string text;
  for (int i = bytes; i-- > 0;) text.push_back(static_cast<char>(value >> (8 * i)));
  return text;
}

// An EXIF block that only asks for an orientation, in either byte order.
inline std::string ExifOrientation(int orientation, bool big_endian) {
  const auto number = [big_endian](uint32_t value, int bytes) {
    std::string text = BigEndian(value, bytes);
    if (!big_endian) std::reverse(text.begin(), text.end());
    return text;
  };
  constexpr uint32_t kOrientation = 0x0112;
  constexpr uint32_t kShort = 3;
  return (big_endian ? "MM" : "II") + number(42, 2) + number(8, 4) + number(1, 2) +
         number(kOrientation, 2) + number(kShort, 2) + number(1, 4) +
         number(static_cast<uint32_t>(orientation), 2) + number(0, 2) + number(0, 4);
}

// PNG files down to the bit (https://www.w3.org/TR/png-3/), without libpng.
struct PngBuilder {
  uint32_t width = 1;
  uint32_t height = 1;
  uint8_t bit_depth = 8;
  uint8_t color_type = 0;  // 0 grey, 2 RGB, 3 palette, 4 grey and opacity, 6 RGB and opacity
  std::string rows = {};   // each with a leading filter byte 0
  std::vector<std::pair<std::string, std::string>> before_pixels = {};  // chunk type and data
  std::vector<std::pair<std::string, std::string>> after_pixels = {};

  static std::string Chunk(const std::string& type, const std::string& data) {
    const std::string body = type + data;
    const uLong crc =
        crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
    return BigEndian(static_cast<uint32_t>(data.size())) + body +
           BigEndian(static_cast<uint32_t>(crc));
  }

  static std::string Compress(const std::string& data) {
    uLongf size = compressBound(data.size());
    std::string packed(size, '\0');
    compress(reinterpret_cast<Bytef*>(packed.data()), &size,
             reinterpret_cast<const Bytef*>(data.data()), data.size());
    packed.resize(size);
    return packed;
  }

  std::string Build() const {
    std::string header = BigEndian(width) + BigEndian(height);
    for (const int byte : {int{bit_depth}, int{color_type}, 0, 0, 0}) {
      header.push_back(static_cast<char>(byte));
    }
    std::string file = "\x89PNG\r\n\x1a\n" + Chunk("IHDR", header);
    for (const auto& [type, data] : before_pixels) file += Chunk(type, data);
    // In two chunks, as large files have them.
    const std::string packed = Compress(rows);
    file += Chunk("IDAT", packed.substr(0, packed.size() / 2));
    file += Chunk("IDAT", packed.substr(packed.size() / 2));
    for (const auto& [type, data] : after_pixels) file += Chunk(type, data);
    return file + Chunk("IEND", "");
  }
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_PICTURE_TEST_DATA_H_
