#include "bridges/common/picture.h"

#include <gtest/gtest.h>
#include <webp/demux.h>

#include "bridges/common/picture_text.h"

namespace patchbay {
namespace {

Picture Gradient(int width, int height, int channels) {
  Picture picture = BlankPicture(width, height, channels, 255);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < std::min(channels, 3); ++c) {
        picture.At(x, y)[c] = static_cast<uint8_t>((x * 7 + y * 5 + c * 40) % 256);
      }
    }
  }
  return picture;
}

TEST(PictureTest, PngKeepsEveryPixel) {
  const Picture picture = Gradient(13, 7, 4);
  const auto read = DecodePicture(EncodePng(picture));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->pixels, picture.pixels);
}

TEST(PictureTest, AnimationsKeepEveryFrame) {
  Picture clear = Gradient(13, 7, 4);
  for (int x = 0; x < 13; ++x) clear.At(x, 3)[3] = 0;
  // Two are alike.
  const std::vector<Picture> frames = {Gradient(13, 7, 4), Gradient(13, 7, 4), clear};
  const std::string file = EncodeWebpAnimation(frames);
  const WebPData data = {reinterpret_cast<const uint8_t*>(file.data()), file.size()};
  WebPAnimDecoder* const decoder = WebPAnimDecoderNew(&data, nullptr);
  ASSERT_NE(decoder, nullptr);
  for (const Picture& frame : frames) {
    uint8_t* pixels = nullptr;
    int time = 0;
    ASSERT_EQ(WebPAnimDecoderGetNext(decoder, &pixels, &time), 1);
    EXPECT_EQ(std::vector<uint8_t>(pixels, pixels + frame.pixels.size()), frame.pixels);
  }
  EXPECT_EQ(WebPAnimDecoderHasMoreFrames(decoder), 0);
  WebPAnimDecoderDelete(decoder);
  EXPECT_EQ(EncodeWebpAnimation({Gradient(4, 4, 3), Gradient(4, 5, 3)}), "");
}

TEST(PictureTest, JpegAndWebpAreAboutTheSame) {
  const Picture picture = Resize(Gradient(4, 4, 3), 64, 48, ResizeFilter::kBilinear);
  for (const std::string& file : {EncodeJpeg(picture, 95), EncodeWebp(picture, 95)}) {
    const auto read = DecodePicture(file);
    ASSERT_TRUE(read.ok()) << read.status();
    ASSERT_EQ(read->width, 64);
    ASSERT_EQ(read->height, 48);
    double difference = 0;
    for (int i = 0; i < 64 * 48; ++i) {
      difference += std::abs(read->pixels[i * 4] - picture.pixels[i * 3]);
    }
    EXPECT_LT(difference / (64 * 48), 6);
  }
}

TEST(PictureTest, DamagedFilesAreRefused) {
  const std::string png = EncodePng(Gradient(30, 30, 3)),
                    jpeg = EncodeJpeg(Gradient(30, 30, 3), 90);
  EXPECT_FALSE(DecodePicture("").ok());
  EXPECT_FALSE(DecodePicture("GIF89a").ok());
  EXPECT_FALSE(DecodePicture(png.substr(0, png.size() / 2)).ok());
  EXPECT_FALSE(DecodePicture(jpeg.substr(0, 20)).ok());
}

TEST(PictureTest, ResizingKeepsFlatColoursAndMeans) {
  const Picture flat = BlankPicture(10, 10, 3, 77);
  for (const ResizeFilter filter :
       {ResizeFilter::kNearest, ResizeFilter::kBilinear, ResizeFilter::kLanczos}) {
    EXPECT_EQ(Resize(flat, 23, 5, filter).pixels, BlankPicture(23, 5, 3, 77).pixels);
  }
  // The mean of 0 and 100: a triangle of width 2 over two pixels weighs both the same.
  Picture pair = BlankPicture(2, 1, 1, 0);
  pair.pixels[1] = 100;
  EXPECT_EQ(Resize(pair, 1, 1, ResizeFilter::kBilinear).pixels[0], 50);
}

TEST(PictureTest, BlurOfAPointIsTheGaussian) {
  Picture point = BlankPicture(21, 1, 1, 0);
  point.pixels[10] = 255;
  const Picture blurred = GaussianBlur(point, 1, 0);
  // 255 * exp(-x^2 / 2) / sum over -3..3 of exp(-i^2 / 2); the sum is 2.5066.
  EXPECT_EQ(blurred.pixels[10], 102);
  EXPECT_EQ(blurred.pixels[11], 62);
  EXPECT_EQ(blurred.pixels[8], 14);
}

TEST(PictureTest, CropsAndPastes) {
  const Picture picture = Gradient(8, 8, 3);
  const Picture part = Crop(picture, 2, 3, 4, 2);
  EXPECT_EQ(part.At(0, 0)[0], picture.At(2, 3)[0]);
  Picture target = BlankPicture(8, 8, 3, 0);
  Paste(part, 2, 3, target);
  EXPECT_EQ(target.At(5, 4)[1], picture.At(5, 4)[1]);
  EXPECT_EQ(target.At(1, 3)[1], 0);
  Paste(part, -2, 7, target);  // partly outside
  EXPECT_EQ(target.At(0, 7)[0], part.At(2, 0)[0]);
}

TEST(PictureTextTest, EachFormatKeepsTheText) {
  const Picture picture = Gradient(16, 16, 3);
  for (const std::string& text : {std::string("plain"), std::string("caf\xc3\xa9"),
                                  std::string("\xe7\x8c\xab \xf0\x9f\x90\x88, x: 1")}) {
    for (const std::string& file :
         {EncodePng(picture), EncodeJpeg(picture, 90), EncodeWebp(picture, 90)}) {
      const std::string written = WithPictureText(file, {{"parameters", text}});
      const auto read = ReadPictureText(written);
      ASSERT_TRUE(read.ok());
      ASSERT_EQ(read->count("parameters"), 1u);
      EXPECT_EQ(read->at("parameters"), text);
      EXPECT_TRUE(DecodePicture(written).ok());
    }
  }
}

TEST(PictureTextTest, ANewTextTakesTheOldOnesPlace) {
  std::string file = EncodePng(Gradient(4, 4, 3));
  file = WithPictureText(file, {{"parameters", "old"}, {"workflow", "{}"}});
  file = WithPictureText(file, {{"parameters", "new"}});
  const auto read = ReadPictureText(file);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, (std::map<std::string, std::string>{{"parameters", "new"}, {"workflow", "{}"}}));
}

}  // namespace
}  // namespace patchbay
