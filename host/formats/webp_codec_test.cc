#include <webp/encode.h>
#include <webp/mux.h>

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
  const auto picture = DecodeWebp(BytesOf(file), {});
  EXPECT_TRUE(picture.ok()) << picture.status();
  return picture.value_or(Picture{});
}

std::string Complaint(const std::string& file, const PictureLimits& limits = {}) {
  const auto picture = DecodeWebp(BytesOf(file), limits);
  if (picture.ok()) return "accepted";
  EXPECT_EQ(picture.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(picture.status().message());
}

std::string Lossless(const Picture& picture) {
  uint8_t* output = nullptr;
  const size_t size = WebPEncodeLosslessRGBA(picture.pixels.data(), picture.width, picture.height,
                                             picture.width * 4, &output);
  std::string file(reinterpret_cast<const char*>(output), size);
  WebPFree(output);
  return file;
}

std::string WithExif(const std::string& file, const std::string& exif) {
  const WebPData data{reinterpret_cast<const uint8_t*>(file.data()), file.size()};
  const WebPData chunk{reinterpret_cast<const uint8_t*>(exif.data()), exif.size()};
  WebPMux* mux = WebPMuxCreate(&data, 1);
  WebPMuxSetChunk(mux, "EXIF", &chunk, 1);
  WebPData assembled{};
  WebPMuxAssemble(mux, &assembled);
  std::string result(reinterpret_cast<const char*>(assembled.bytes), assembled.size);
  WebPDataClear(&assembled);
  WebPMuxDelete(mux);
  return result;
}

std::string Animation() {
  WebPAnimEncoderOptions options;
  WebPAnimEncoderOptionsInit(&options);
  WebPAnimEncoder* encoder = WebPAnimEncoderNew(16, 16, &options);
  WebPConfig config;
  WebPConfigInit(&config);
  for (int frame = 0; frame < 2; ++frame) {
    Picture content = GradientPicture(16, 16, 4);
    content.pixels[static_cast<size_t>(frame) * 4] = 255;
    WebPPicture picture;
    WebPPictureInit(&picture);
    picture.use_argb = 1;
    picture.width = picture.height = 16;
    WebPPictureImportRGBA(&picture, content.pixels.data(), 64);
    WebPAnimEncoderAdd(encoder, &picture, frame * 100, &config);
    WebPPictureFree(&picture);
  }
  WebPAnimEncoderAdd(encoder, nullptr, 200, nullptr);
  WebPData data{};
  WebPAnimEncoderAssemble(encoder, &data);
  std::string file(reinterpret_cast<const char*>(data.bytes), data.size);
  WebPDataClear(&data);
  WebPAnimEncoderDelete(encoder);
  return file;
}

TEST(WebpCodecTest, KeepsPicturesAlmost) {
  const Picture picture = GradientPicture(48, 32, 3);
  const auto file = EncodeWebp(picture, 95);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(Decoded(*file).channels, 3);
  EXPECT_LE(LargestDifference(Decoded(*file), picture), 10);
  EXPECT_LT(EncodeWebp(picture, 5)->size(), file->size());
  EXPECT_EQ(*EncodeWebp(picture, 1000), *EncodeWebp(picture, 100));
}

TEST(WebpCodecTest, KeepsOpacity) {
  Picture picture = GradientPicture(32, 32, 4);
  picture.pixels[3] = 0;
  const Picture decoded = Decoded(*EncodeWebp(picture, 95));
  EXPECT_EQ(decoded.channels, 4);
  EXPECT_EQ(decoded.pixels[3], 0);
  EXPECT_NEAR(decoded.pixels[4 * 500 + 3], picture.pixels[4 * 500 + 3], 3);
}

TEST(WebpCodecTest, WritesGreyAsRgb) {
  const Picture grey = GradientPicture(32, 16, 1);
  const Picture decoded = Decoded(*EncodeWebp(grey, 95));
  EXPECT_EQ(decoded.channels, 3);
  EXPECT_NEAR(decoded.pixels[3 * 100], grey.pixels[100], 8);
}

TEST(WebpCodecTest, ReadsLosslessFilesExactly) {
  const Picture picture = GradientPicture(21, 17, 4);
  EXPECT_EQ(LargestDifference(Decoded(Lossless(picture)), picture), 0);
}

TEST(WebpCodecTest, CarriesAComment) {
  const std::string file = *EncodeWebp(GradientPicture(16, 16, 3), 90, "caf\xc3\xa9");
  EXPECT_THAT(file, HasSubstr(MakeExifComment("caf\xc3\xa9")));
  EXPECT_EQ(Decoded(file).width, 16);
}

TEST(WebpCodecTest, TurnsAsExifAsks) {
  const Picture stored = GradientPicture(20, 12, 4);
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const Picture expected = ApplyOrientation(stored, orientation);
    const std::string exif = ExifOrientation(orientation, orientation % 2 == 0);
    EXPECT_EQ(LargestDifference(Decoded(WithExif(Lossless(stored), exif)), expected), 0);
    // As some programs write it.
    const std::string prefixed = "Exif" + std::string(2, '\0') + exif;
    EXPECT_EQ(LargestDifference(Decoded(WithExif(Lossless(stored), prefixed)), expected), 0);
  }
}

TEST(WebpCodecTest, RefusesAnimations) {
  EXPECT_THAT(Complaint(Animation()), HasSubstr("animation"));
}

TEST(WebpCodecTest, RefusesSizesBeyondTheLimits) {
  const std::string file = *EncodeWebp(GradientPicture(8, 4, 3), 90);
  EXPECT_EQ(Complaint(file, {.max_pixels = 32, .max_side = 8}), "accepted");
  EXPECT_THAT(Complaint(file, {.max_pixels = 31, .max_side = 8}), HasSubstr("8x4"));
  EXPECT_THAT(Complaint(file, {.max_pixels = 32, .max_side = 7}), HasSubstr("8x4"));
}

TEST(WebpCodecTest, RefusesTruncation) {
  const std::string file = *EncodeWebp(GradientPicture(64, 64, 3), 90);
  for (size_t size = 0; size < file.size(); size += 7) {
    EXPECT_THAT(Complaint(file.substr(0, size)), HasSubstr("damaged WebP file")) << size;
  }
}

TEST(WebpCodecTest, RefusesImpossiblePictures) {
  EXPECT_EQ(EncodeWebp({8, 8, 3, {}}, 90).status().code(), absl::StatusCode::kInvalidArgument);
  const Picture wide{16384, 1, 1, std::vector<uint8_t>(16384)};
  EXPECT_THAT(std::string(EncodeWebp(wide, 90).status().message()), HasSubstr("16383"));
}

}  // namespace
}  // namespace patchbay
