#include <cstdio>
// jpeglib.h needs FILE and size_t declared before it.
#include <jpeglib.h>

#include <cstdlib>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "host/formats/exif.h"
#include "host/formats/picture.h"
#include "host/formats/picture_codecs.h"
#include "host/formats/picture_test_data.h"

namespace patchbay {
namespace {

using ::testing::HasSubstr;

Picture Decoded(const std::string& file) {
  const auto picture = DecodeJpeg(BytesOf(file), {});
  EXPECT_TRUE(picture.ok()) << picture.status();
  return picture.value_or(Picture{});
}

std::string Complaint(const std::string& file, const PictureLimits& limits = {}) {
  const auto picture = DecodeJpeg(BytesOf(file), limits);
  if (picture.ok()) return "accepted";
  EXPECT_EQ(picture.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(picture.status().message());
}

// Writes with libjpeg itself; `adjust` may change its settings.
template <typename Adjust>
std::string WriteJpeg(const Picture& picture, J_COLOR_SPACE space, Adjust adjust) {
  jpeg_error_mgr errors;
  jpeg_compress_struct jpeg{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &buffer, &size);
  jpeg.image_width = static_cast<JDIMENSION>(picture.width);
  jpeg.image_height = static_cast<JDIMENSION>(picture.height);
  jpeg.input_components = picture.channels;
  jpeg.in_color_space = space;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 98, TRUE);
  adjust(jpeg);
  jpeg_start_compress(&jpeg, TRUE);
  const size_t stride = static_cast<size_t>(picture.width * picture.channels);
  while (jpeg.next_scanline < jpeg.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(picture.pixels.data() + stride * jpeg.next_scanline);
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  std::string file(reinterpret_cast<const char*>(buffer), size);
  jpeg_destroy_compress(&jpeg);
  std::free(buffer);
  return file;
}

// A marker after the first two bytes, the start of the image.
std::string WithMarker(const std::string& file, char marker, const std::string& data) {
  return file.substr(0, 2) + '\xff' + marker +
         BigEndian(static_cast<uint32_t>(data.size() + 2), 2) + data + file.substr(2);
}

TEST(JpegCodecTest, KeepsPicturesAlmost) {
  for (const int channels : {1, 3}) {
    const Picture picture = GradientPicture(53, 31, channels);
    const auto file = EncodeJpeg(picture, 95);
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(Decoded(*file).channels, channels);
    EXPECT_LE(LargestDifference(Decoded(*file), picture), 6);
  }
  const Picture with_opacity = GradientPicture(16, 16, 4);
  Picture opaque{16, 16, 3, {}};
  for (size_t i = 0; i < with_opacity.pixels.size(); ++i) {
    if (i % 4 != 3) opaque.pixels.push_back(with_opacity.pixels[i]);
  }
  EXPECT_LE(LargestDifference(Decoded(*EncodeJpeg(with_opacity, 95)), opaque), 6);
}

TEST(JpegCodecTest, QualityMatters) {
  const Picture picture = GradientPicture(64, 64, 3);
  EXPECT_LT(EncodeJpeg(picture, 5)->size(), EncodeJpeg(picture, 95)->size());
  EXPECT_EQ(*EncodeJpeg(picture, 1000), *EncodeJpeg(picture, 100));
}

TEST(JpegCodecTest, CarriesAComment) {
  const std::string file = *EncodeJpeg(GradientPicture(8, 8, 3), 90, "caf\xc3\xa9");
  EXPECT_THAT(file, HasSubstr("Exif" + std::string(2, '\0') + MakeExifComment("caf\xc3\xa9")));
  EXPECT_EQ(Decoded(file).width, 8);
  EXPECT_THAT(
      std::string(
          EncodeJpeg(GradientPicture(8, 8, 3), 90, std::string(40000, 'x')).status().message()),
      HasSubstr("too long"));
}

TEST(JpegCodecTest, TurnsAsExifAsks) {
  const Picture stored = GradientPicture(24, 16, 3);
  const std::string plain = *EncodeJpeg(stored, 95);
  for (int orientation = 1; orientation <= 8; ++orientation) {
    for (const bool big_endian : {false, true}) {
      const std::string exif =
          "Exif" + std::string(2, '\0') + ExifOrientation(orientation, big_endian);
      const Picture decoded = Decoded(WithMarker(plain, '\xe1', exif));
      EXPECT_EQ(decoded.width, orientation < 5 ? 24 : 16);
      EXPECT_EQ(LargestDifference(decoded, ApplyOrientation(Decoded(plain), orientation)), 0);
    }
  }
}

TEST(JpegCodecTest, ReadsProgressiveFiles) {
  const Picture picture = GradientPicture(40, 30, 3);
  const std::string file = WriteJpeg(
      picture, JCS_RGB, [](jpeg_compress_struct& jpeg) { jpeg_simple_progression(&jpeg); });
  EXPECT_LE(LargestDifference(Decoded(file), picture), 6);
}

// Ink is the opposite of light: red = (255 - cyan) * (255 - black) / 255. Adobe's programs, which
// leave a marker, store 255 - ink.
TEST(JpegCodecTest, ConvertsCmyk) {
  Picture ink = GradientPicture(16, 16, 4);
  Picture expected{16, 16, 3, {}};
  for (size_t i = 0; i < ink.pixels.size(); i += 4) {
    ink.pixels[i + 3] /= 2;
    for (size_t c = 0; c < 3; ++c) {
      expected.pixels.push_back(static_cast<uint8_t>(
          (255 - ink.pixels[i + c]) * (255 - ink.pixels[i + 3]) / 255.0 + 0.5));
    }
  }
  const auto without_marker = [](jpeg_compress_struct& jpeg) { jpeg.write_Adobe_marker = FALSE; };
  EXPECT_LE(LargestDifference(Decoded(WriteJpeg(ink, JCS_CMYK, without_marker)), expected), 6);
  Picture light = ink;
  for (uint8_t& value : light.pixels) value = static_cast<uint8_t>(255 - value);
  const auto with_marker = [](jpeg_compress_struct& jpeg) { jpeg.write_Adobe_marker = TRUE; };
  EXPECT_LE(LargestDifference(Decoded(WriteJpeg(light, JCS_CMYK, with_marker)), expected), 6);
  const auto as_ycck = [](jpeg_compress_struct& jpeg) { jpeg_set_colorspace(&jpeg, JCS_YCCK); };
  EXPECT_LE(LargestDifference(Decoded(WriteJpeg(light, JCS_CMYK, as_ycck)), expected), 12);
}

TEST(JpegCodecTest, RefusesSizesBeyondTheLimits) {
  std::string file = *EncodeJpeg(GradientPicture(8, 4, 3), 90);
  EXPECT_EQ(Complaint(file, {.max_pixels = 32, .max_side = 8}), "accepted");
  EXPECT_THAT(Complaint(file, {.max_pixels = 31, .max_side = 8}), HasSubstr("8x4"));
  // The frame header: marker, length, precision, height, width.
  const size_t frame = file.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  file.replace(frame + 5, 4, "\xfd\xe8\xfd\xe8");
  EXPECT_THAT(Complaint(file), HasSubstr("65000x65000"));
}

TEST(JpegCodecTest, RefusesTruncation) {
  const std::string file = *EncodeJpeg(GradientPicture(64, 64, 3), 90);
  for (size_t size = 0; size + 2 < file.size(); ++size) {
    EXPECT_THAT(Complaint(file.substr(0, size)), HasSubstr("damaged JPEG file")) << size;
  }
  EXPECT_THAT(Complaint(file.substr(0, file.size() - 20)), HasSubstr("truncated"));
}

TEST(JpegCodecTest, RefusesDamagedPixels) {
  std::string file = *EncodeJpeg(GradientPicture(64, 64, 3), 90);
  file.replace(file.size() - 40, 8, std::string("\xff\xd9\xff\xd9\xff\xd9\xff\xd9"));
  EXPECT_THAT(Complaint(file), HasSubstr("damaged JPEG file"));
}

TEST(JpegCodecTest, ForgivesCarelessness) {
  const Picture picture = GradientPicture(24, 24, 3);
  const std::string file = *EncodeJpeg(picture, 95);
  // Stray bytes between markers (here after the first one's 18 bytes), as some cameras leave them.
  const std::string stray = file.substr(0, 20) + "stray" + file.substr(20);
  EXPECT_EQ(LargestDifference(Decoded(stray), Decoded(file)), 0);
  EXPECT_EQ(LargestDifference(Decoded(file + "rest"), Decoded(file)), 0);
}

// A thousand repetitions of a progressive file's refinement scan.
TEST(JpegCodecTest, RefusesEndlessScans) {
  const std::string file =
      WriteJpeg(GradientPicture(16, 16, 1), JCS_GRAYSCALE,
                [](jpeg_compress_struct& jpeg) { jpeg_simple_progression(&jpeg); });
  const size_t scan = file.find("\xff\xda");
  const size_t next = file.find("\xff\xc4", scan);
  ASSERT_NE(next, std::string::npos);
  std::string bomb = file.substr(0, scan);
  for (int i = 0; i < 1000; ++i) bomb += file.substr(scan, next - scan);
  EXPECT_THAT(Complaint(bomb + file.substr(next)), HasSubstr("more than 500 scans"));
}

TEST(JpegCodecTest, RefusesImpossiblePictures) {
  EXPECT_EQ(EncodeJpeg({8, 8, 3, {}}, 90).status().code(), absl::StatusCode::kInvalidArgument);
  const Picture wide{70000, 1, 1, std::vector<uint8_t>(70000)};
  EXPECT_THAT(std::string(EncodeJpeg(wide, 90).status().message()), HasSubstr("cannot write"));
}

}  // namespace
}  // namespace patchbay
