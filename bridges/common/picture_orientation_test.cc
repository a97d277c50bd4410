#include "bridges/common/picture_orientation.h"

#include <gtest/gtest.h>

#include <string>

namespace patchbay {
namespace {

// A TIFF header, and one directory with the orientation alone.
std::string Exif(bool big_endian, char orientation) {
  if (big_endian) {
    return std::string("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", 19) + orientation +
           std::string(6, '\0');
  }
  return std::string("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", 18) + orientation +
         std::string(7, '\0');
}

// Two columns, three rows.
Picture Numbered() { return {2, 3, 1, {1, 2, 3, 4, 5, 6}}; }

TEST(PictureOrientationTest, ReadsBothByteOrders) {
  EXPECT_EQ(OrientationInExif(Exif(true, 6)), 6);
  EXPECT_EQ(OrientationInExif(Exif(false, 8)), 8);
  for (const std::string& exif :
       {Exif(true, 0), Exif(true, 9), std::string(), std::string("MM"),
        std::string("MM\0*\xff\xff\xff\xff", 8), Exif(false, 3).substr(0, 14)}) {
    EXPECT_EQ(OrientationInExif(exif), 1);
  }
}

TEST(PictureOrientationTest, TurnsAsTheStandardSays) {
  using Pixels = std::vector<uint8_t>;
  EXPECT_EQ(Upright(Numbered(), 1).pixels, (Pixels{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(Upright(Numbered(), 2).pixels, (Pixels{2, 1, 4, 3, 6, 5}));
  EXPECT_EQ(Upright(Numbered(), 3).pixels, (Pixels{6, 5, 4, 3, 2, 1}));
  EXPECT_EQ(Upright(Numbered(), 4).pixels, (Pixels{5, 6, 3, 4, 1, 2}));
  EXPECT_EQ(Upright(Numbered(), 5).pixels, (Pixels{1, 3, 5, 2, 4, 6}));
  const Picture turned = Upright(Numbered(), 6);
  EXPECT_EQ(turned.width, 3);
  EXPECT_EQ(turned.height, 2);
  EXPECT_EQ(turned.pixels, (Pixels{5, 3, 1, 6, 4, 2}));
  EXPECT_EQ(Upright(Numbered(), 7).pixels, (Pixels{6, 4, 2, 5, 3, 1}));
  EXPECT_EQ(Upright(Numbered(), 8).pixels, (Pixels{2, 4, 6, 1, 3, 5}));
}

}  // namespace
}  // namespace patchbay
