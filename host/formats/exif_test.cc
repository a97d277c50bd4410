#include "host/formats/exif.h"

#include "gtest/gtest.h"
#include "host/formats/picture_test_data.h"

namespace patchbay {
namespace {

int Orientation(const std::string& exif) { return ReadExifOrientation(BytesOf(exif)); }

TEST(ExifTest, ReadsOrientationInEitherByteOrder) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    EXPECT_EQ(Orientation(ExifOrientation(orientation, true)), orientation);
    EXPECT_EQ(Orientation(ExifOrientation(orientation, false)), orientation);
  }
}

TEST(ExifTest, TakesNonsenseForUpright) {
  EXPECT_EQ(Orientation(""), 1);
  EXPECT_EQ(Orientation(ExifOrientation(0, true)), 1);
  EXPECT_EQ(Orientation(ExifOrientation(9, false)), 1);
  std::string exif = ExifOrientation(6, true);
  for (size_t size = 0; size < exif.size(); ++size) {
    // All but the end mark of the list is needed.
    EXPECT_EQ(Orientation(exif.substr(0, size)), size < 22 ? 1 : 6) << size;
  }
  EXPECT_EQ(Orientation("XX" + exif.substr(2)), 1);
  exif[3] = 43;
  EXPECT_EQ(Orientation(exif), 1);
  // The list of entries would be beyond the end.
  exif = ExifOrientation(6, true);
  exif[4] = '\x7f';
  EXPECT_EQ(Orientation(exif), 1);
}

// "Row 0 is at the picture's ..., column 0 at its ..." as TIFF 6.0 and Exif define the values.
TEST(ExifTest, TurnsUprightFromAllEightOrientations) {
  const Picture upright = GradientPicture(5, 3, 3);
  const auto pixel = [](const Picture& picture, int x, int y) {
    const size_t at = 3 * static_cast<size_t>(y * picture.width + x);
    return std::vector<uint8_t>(&picture.pixels[at], &picture.pixels[at] + 3);
  };
  for (int orientation = 1; orientation <= 8; ++orientation) {
    SCOPED_TRACE(orientation);
    const bool swapped = orientation >= 5;
    Picture stored{swapped ? 3 : 5, swapped ? 5 : 3, 3, {}};
    for (int row = 0; row < stored.height; ++row) {
      for (int column = 0; column < stored.width; ++column) {
        int x = 0;
        int y = 0;
        switch (orientation) {
          case 1:  // top, left
            x = column, y = row;
            break;
          case 2:  // top, right
            x = 4 - column, y = row;
            break;
          case 3:  // bottom, right
            x = 4 - column, y = 2 - row;
            break;
          case 4:  // bottom, left
            x = column, y = 2 - row;
            break;
          case 5:  // left, top
            x = row, y = column;
            break;
          case 6:  // right, top
            x = 4 - row, y = column;
            break;
          case 7:  // right, bottom
            x = 4 - row, y = 2 - column;
            break;
          case 8:  // left, bottom
            x = row, y = 2 - column;
            break;
        }
        for (const uint8_t value : pixel(upright, x, y)) stored.pixels.push_back(value);
      }
    }
    EXPECT_EQ(LargestDifference(ApplyOrientation(stored, orientation), upright), 0);
  }
}

TEST(ExifTest, WritesCommentsInUnicode) {
  const std::string exif = MakeExifComment("a\xc3\xa9\xe7\x8c\xab\xf0\x9f\x90\x88");
  EXPECT_EQ(exif.substr(0, 4), std::string("MM\0*", 4));
  // UTF-16: U+0061, U+00E9, U+732B, and U+1F408 as D83D DC08.
  const std::string text("UNICODE\0\0a\0\xe9\x73\x2b\xd8\x3d\xdc\x08", 18);
  EXPECT_EQ(exif.substr(exif.size() - text.size()), text);
  EXPECT_EQ(Orientation(exif), 1);
}

TEST(ExifTest, ReplacesMalformedText) {
  const std::string replacement = "\xff\xfd";
  for (const char* malformed : {"\xff", "\x80", "\xc3", "\xf8\x88\x80\x80\x80", "\xed\xa0\x80"}) {
    const std::string exif = MakeExifComment(malformed);
    EXPECT_EQ(exif.substr(exif.size() - 2), replacement);
  }
}

}  // namespace
}  // namespace patchbay
