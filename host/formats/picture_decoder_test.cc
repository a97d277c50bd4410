#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "host/formats/picture.h"
#include "host/formats/picture_codecs.h"
#include "host/formats/picture_test_data.h"

namespace patchbay {
namespace {

using ::testing::HasSubstr;

std::string Complaint(const std::string& file) {
  const auto picture = DecodePicture(BytesOf(file));
  if (picture.ok()) return "accepted";
  EXPECT_EQ(picture.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(picture.status().message());
}

// No name is asked for, so a wrong extension does no harm.
TEST(PictureDecoderTest, GoesByContent) {
  const Picture picture = GradientPicture(32, 16, 3);
  for (const std::string& file :
       {*EncodePng(picture), *EncodeJpeg(picture, 95), *EncodeWebp(picture, 95)}) {
    const auto decoded = DecodePicture(BytesOf(file));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_LE(LargestDifference(*decoded, picture), 10);
  }
}

TEST(PictureDecoderTest, PassesLimitsOn) {
  const Picture picture = GradientPicture(32, 16, 3);
  for (const std::string& file :
       {*EncodePng(picture), *EncodeJpeg(picture, 95), *EncodeWebp(picture, 95)}) {
    const auto decoded = DecodePicture(BytesOf(file), {.max_pixels = 511, .max_side = 100});
    EXPECT_THAT(std::string(decoded.status().message()), HasSubstr("the picture is 32x16"));
  }
}

TEST(PictureDecoderTest, NamesOtherFormats) {
  EXPECT_THAT(Complaint("GIF89a......"), HasSubstr("GIF"));
  EXPECT_THAT(Complaint("BM..........."), HasSubstr("BMP"));
  EXPECT_THAT(Complaint(std::string("II*\0........", 12)), HasSubstr("TIFF"));
  EXPECT_THAT(Complaint(std::string("\0\0\0\x20"
                                    "ftypavif",
                                    12)),
              HasSubstr("AVIF"));
  EXPECT_THAT(Complaint(std::string("\0\0\0\x20"
                                    "ftypheic",
                                    12)),
              HasSubstr("HEIC"));
  EXPECT_THAT(Complaint("<svg xmlns="), HasSubstr("SVG"));
  EXPECT_THAT(Complaint("<!DOCTYPE html>"), HasSubstr("web page"));
  EXPECT_THAT(Complaint(""), HasSubstr("empty"));
  EXPECT_THAT(Complaint("what is this"), HasSubstr("no PNG, JPEG or WebP"));
  EXPECT_THAT(Complaint("\x89"), HasSubstr("no PNG, JPEG or WebP"));
  EXPECT_THAT(Complaint("RIFF....WAVE"), HasSubstr("no PNG, JPEG or WebP"));
}

TEST(PictureDecoderTest, ChecksSizesWithoutOverflow) {
  const PictureLimits limits;
  EXPECT_TRUE(CheckPictureSize(1, 1, limits).ok());
  EXPECT_TRUE(CheckPictureSize(8192, 8192, limits).ok());
  EXPECT_FALSE(CheckPictureSize(8193, 8192, limits).ok());
  EXPECT_FALSE(CheckPictureSize(0, 1, limits).ok());
  EXPECT_FALSE(CheckPictureSize(32769, 1, limits).ok());
  EXPECT_FALSE(CheckPictureSize(uint64_t{1} << 32, uint64_t{1} << 32, limits).ok());
}

}  // namespace
}  // namespace patchbay
