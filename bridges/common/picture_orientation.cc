#include "bridges/common/picture_orientation.h"

#include <algorithm>
#include <cstdint>

namespace patchbay {
namespace {

constexpr uint32_t kOrientationTag = 0x0112;
constexpr size_t kEntryBytes = 12;

// A number of `size` bytes; 0 beyond the end.
uint32_t Number(std::string_view tiff, size_t place, size_t size) {
  if (place > tiff.size() || size > tiff.size() - place) return 0;
  uint32_t number = 0;
  for (size_t i = 0; i < size; ++i) {
    const size_t from = tiff.starts_with("MM") ? i : size - 1 - i;
    number = number << 8 | static_cast<uint8_t>(tiff[place + from]);
  }
  return number;
}

}  // namespace

int OrientationInExif(std::string_view exif) {
  const bool is_tiff = exif.starts_with("II") || exif.starts_with("MM");
  if (!is_tiff || Number(exif, 2, 2) != 42) return 1;
  const size_t directory = Number(exif, 4, 4);
  const uint32_t entries = Number(exif, directory, 2);
  for (uint32_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + i * kEntryBytes;
    if (entry + kEntryBytes > exif.size()) break;
    if (Number(exif, entry, 2) != kOrientationTag) continue;
    const uint32_t orientation = Number(exif, entry + 8, 2);
    return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : 1;
  }
  return 1;
}

Picture Upright(const Picture& picture, int orientation) {
  if (orientation <= 1 || orientation > 8) return picture;
  const bool is_on_its_side = orientation >= 5;
  const bool from_right = orientation == 2 || orientation == 3 || orientation >= 7;
  const bool from_below =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Picture upright =
      BlankPicture(is_on_its_side ? picture.height : picture.width,
                   is_on_its_side ? picture.width : picture.height, picture.channels, 0);
  for (int y = 0; y < upright.height; ++y) {
    for (int x = 0; x < upright.width; ++x) {
      const int column = is_on_its_side ? y : x;
      const int row = is_on_its_side ? x : y;
      const uint8_t* from = picture.At(from_right ? picture.width - 1 - column : column,
                                       from_below ? picture.height - 1 - row : row);
      std::copy(from, from + picture.channels, upright.At(x, y));
    }
  }
  return upright;
}

}  // namespace patchbay
