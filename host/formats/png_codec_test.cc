#include <png.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "host/formats/picture.h"
#include "host/formats/picture_codecs.h"
#include "host/formats/picture_test_data.h"

namespace patchbay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

using Text = std::map<std::string, std::string>;

std::string Row(std::initializer_list<int> bytes) {
  std::string row(1, '\0');
  for (const int byte : bytes) row.push_back(static_cast<char>(byte));
  return row;
}

Picture Decoded(const std::string& file) {
  const auto picture = DecodePng(BytesOf(file), {});
  EXPECT_TRUE(picture.ok()) << picture.status();
  return picture.value_or(Picture{});
}

std::string Complaint(const std::string& file, const PictureLimits& limits = {}) {
  const auto picture = DecodePng(BytesOf(file), limits);
  if (picture.ok()) return "accepted";
  EXPECT_EQ(picture.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(picture.status().message());
}

TEST(PngCodecTest, KeepsEveryPixel) {
  for (const int channels : {1, 3, 4}) {
    const Picture picture = GradientPicture(37, 23, channels);
    const auto file = EncodePng(picture);
    ASSERT_TRUE(file.ok()) << file.status();
    const Picture decoded = Decoded(*file);
    EXPECT_EQ(decoded.channels, channels);
    EXPECT_EQ(LargestDifference(decoded, picture), 0);
  }
}

TEST(PngCodecTest, KeepsText) {
  const Text text = {{"parameters", "a \"prompt\"\nSteps: 20"},
                     {"umlaut", "gr\xc3\xbc\xc3\x9f"},
                     {"japanese", "\xe7\x8c\xab"},
                     {"emoji", "\xf0\x9f\x90\x88"},
                     {"empty", ""},
                     {"long", std::string(1 << 20, 'x')}};
  const auto file = EncodePng(GradientPicture(9, 9, 3), text);
  ASSERT_TRUE(file.ok()) << file.status();
  const auto read = ReadPngText(BytesOf(*file));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, text);
  EXPECT_THAT(*file, HasSubstr(std::string("tEXtparameters\0", 15)));
  EXPECT_THAT(*file, HasSubstr(std::string("iTXtjapanese\0", 13)));
  EXPECT_EQ(LargestDifference(Decoded(*file), GradientPicture(9, 9, 3)), 0);
}

TEST(PngCodecTest, ReadsTextOfOtherPrograms) {
  PngBuilder png;
  png.rows = Row({1});
  png.before_pixels = {
      {"tEXt", std::string("latin\0caf\xe9", 10)},
      {"zTXt", std::string("packed\0\0", 8) + PngBuilder::Compress("na\xefve")},
      // Keyword, compression flag and method, language, translated keyword, text.
      {"iTXt", std::string("plain\0\0\0de\0Wort\0\xc3\xa9", 18)},
      {"iTXt", std::string("unicode\0\1\0\0\0", 12) + PngBuilder::Compress("\xe7\x8c\xab")},
      {"tEXt", std::string("latin\0second", 12)}};
  png.after_pixels = {{"tEXt", std::string("late\0yes", 8)}};
  const auto text = ReadPngText(BytesOf(png.Build()));
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_THAT(*text, ElementsAre(Pair("late", "yes"), Pair("latin", "caf\xc3\xa9"),
                                 Pair("packed", "na\xc3\xafve"), Pair("plain", "\xc3\xa9"),
                                 Pair("unicode", "\xe7\x8c\xab")));
}

TEST(PngCodecTest, LeavesOutTextThatUnpacksWithoutEnd) {
  PngBuilder png;
  png.rows = Row({1});
  png.before_pixels = {
      {"zTXt", std::string("bomb\0\0", 6) + PngBuilder::Compress(std::string(20 << 20, 'x'))},
      {"tEXt", std::string("good\0yes", 8)}};
  const auto text = ReadPngText(BytesOf(png.Build()));
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_THAT(*text, ElementsAre(Pair("good", "yes")));
  EXPECT_EQ(Decoded(png.Build()).pixels, std::vector<uint8_t>{1});
}

TEST(PngCodecTest, RefusesWhatAFileCannotHold) {
  const Picture picture = GradientPicture(2, 2, 3);
  const auto complaint = [&picture](const Text& text) {
    return std::string(EncodePng(picture, text).status().message());
  };
  EXPECT_THAT(complaint({{"", "x"}}), HasSubstr("keyword"));
  EXPECT_THAT(complaint({{std::string(80, 'k'), "x"}}), HasSubstr("keyword"));
  EXPECT_THAT(complaint({{"caf\xc3\xa9", "x"}}), HasSubstr("keyword"));
  EXPECT_THAT(complaint({{" k", "x"}}), HasSubstr("keyword"));
  EXPECT_THAT(complaint({{"k", std::string("a\0b", 3)}}), HasSubstr("zero byte"));
  EXPECT_TRUE(EncodePng(picture, {{std::string(79, 'k'), "x"}}).ok());
  Picture wrong = picture;
  wrong.pixels.pop_back();
  EXPECT_EQ(EncodePng(wrong).status().code(), absl::StatusCode::kInvalidArgument);
  wrong = {2, 2, 2, std::vector<uint8_t>(8)};
  EXPECT_EQ(EncodePng(wrong).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(EncodePng({0, 2, 3, {}}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(PngCodecTest, ReducesSixteenBits) {
  PngBuilder png{.width = 2, .bit_depth = 16, .color_type = 2};
  // 0x8000 is 127.5 of 255, 0x0101 exactly 1.
  png.rows = Row({0xFF, 0xFF, 0x00, 0x00, 0x01, 0x01, 0x7F, 0x00, 0x00, 0xFF, 0xFE, 0xFE});
  const Picture picture = Decoded(png.Build());
  EXPECT_EQ(picture.channels, 3);
  for (const auto& [index, value] :
       {std::pair{0, 0xFFFF}, {1, 0}, {2, 0x0101}, {3, 0x7F00}, {4, 0x00FF}, {5, 0xFEFE}}) {
    EXPECT_EQ(int{picture.pixels[static_cast<size_t>(index)]}, (value * 255 + 32767) / 65535);
  }
}

TEST(PngCodecTest, ResolvesPalettes) {
  PngBuilder png{.width = 3, .height = 2, .bit_depth = 2, .color_type = 3};
  // Pixels 0 1 2 / 2 1 0 in two bits each.
  png.rows = Row({0b00011000}) + Row({0b10010000});
  png.before_pixels = {{"PLTE", "\x0a\x14\x1e\x28\x32\x3c\x46\x50\x5a"}};
  Picture picture = Decoded(png.Build());
  EXPECT_EQ(picture.channels, 3);
  EXPECT_THAT(picture.pixels, ElementsAre(10, 20, 30, 40, 50, 60, 70, 80, 90,  //
                                          70, 80, 90, 40, 50, 60, 10, 20, 30));
  // Opacity of the first two entries; the rest are opaque.
  png.before_pixels.emplace_back("tRNS", std::string("\x00\x80", 2));
  picture = Decoded(png.Build());
  EXPECT_EQ(picture.channels, 4);
  EXPECT_THAT(picture.pixels, ElementsAre(10, 20, 30, 0, 40, 50, 60, 128, 70, 80, 90, 255,  //
                                          70, 80, 90, 255, 40, 50, 60, 128, 10, 20, 30, 0));
}

TEST(PngCodecTest, ReadsGrey) {
  PngBuilder png{.width = 4, .bit_depth = 1, .color_type = 0};
  png.rows = Row({0b10110000});
  Picture picture = Decoded(png.Build());
  EXPECT_EQ(picture.channels, 1);
  EXPECT_THAT(picture.pixels, ElementsAre(255, 0, 255, 255));
  // One shade is transparent.
  png.before_pixels = {{"tRNS", std::string("\0\0", 2)}};
  picture = Decoded(png.Build());
  EXPECT_EQ(picture.channels, 4);
  EXPECT_THAT(picture.pixels, ElementsAre(255, 255, 255, 255, 0, 0, 0, 0,  //
                                          255, 255, 255, 255, 255, 255, 255, 255));
  PngBuilder with_opacity{.width = 2, .color_type = 4};
  with_opacity.rows = Row({7, 100, 9, 200});
  EXPECT_THAT(Decoded(with_opacity.Build()).pixels, ElementsAre(7, 7, 7, 100, 9, 9, 9, 200));
}

TEST(PngCodecTest, ReadsInterlacedFiles) {
  const Picture picture = GradientPicture(13, 11, 3);
  std::string file;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &file,
      [](png_structp writer, png_bytep data, png_size_t size) {
        static_cast<std::string*>(png_get_io_ptr(writer))
            ->append(reinterpret_cast<const char*>(data), size);
      },
      nullptr);
  png_set_IHDR(png, info, 13, 11, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_ADAM7,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  std::vector<png_bytep> rows;
  for (size_t y = 0; y < 11; ++y) {
    rows.push_back(const_cast<png_bytep>(picture.pixels.data() + y * 39));
  }
  png_write_info(png, info);
  png_write_image(png, rows.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  EXPECT_EQ(LargestDifference(Decoded(file), picture), 0);
  EXPECT_TRUE(ReadPngText(BytesOf(file)).ok());
}

TEST(PngCodecTest, TurnsAsExifAsks) {
  PngBuilder png{.width = 2};
  png.rows = Row({10, 20});
  png.before_pixels = {{"eXIf", ExifOrientation(6, true)}};
  const Picture picture = Decoded(png.Build());
  EXPECT_EQ(picture.width, 1);
  EXPECT_EQ(picture.height, 2);
  EXPECT_THAT(picture.pixels, ElementsAre(10, 20));
  png.before_pixels = {{"eXIf", ExifOrientation(2, false)}};
  EXPECT_THAT(Decoded(png.Build()).pixels, ElementsAre(20, 10));
}

// Had memory been taken first, these would fail in another way or take forever.
TEST(PngCodecTest, RefusesSizesBeyondTheLimits) {
  PngBuilder png{.width = 100'000, .height = 100'000, .color_type = 6};
  EXPECT_THAT(Complaint(png.Build()), HasSubstr("100000x100000"));
  EXPECT_THAT(std::string(ReadPngText(BytesOf(png.Build())).status().message()),
              HasSubstr("100000x100000"));
  png.width = 2'000'000'000;
  png.height = 1;
  EXPECT_THAT(Complaint(png.Build()), HasSubstr("2000000000x1"));
  png.width = 0;
  EXPECT_NE(Complaint(png.Build()), "accepted");
  const std::string small = *EncodePng(GradientPicture(8, 4, 3));
  EXPECT_EQ(Complaint(small, {.max_pixels = 32, .max_side = 8}), "accepted");
  EXPECT_THAT(Complaint(small, {.max_pixels = 31, .max_side = 8}), HasSubstr("8x4"));
  EXPECT_THAT(Complaint(small, {.max_pixels = 32, .max_side = 7}), HasSubstr("8x4"));
}

TEST(PngCodecTest, RefusesEveryTruncation) {
  const std::string file = *EncodePng(GradientPicture(20, 20, 3), {{"k", "v"}});
  for (size_t size = 0; size < file.size(); ++size) {
    EXPECT_NE(Complaint(file.substr(0, size)), "accepted") << size;
    EXPECT_FALSE(ReadPngText(BytesOf(file.substr(0, size))).ok()) << size;
  }
  EXPECT_THAT(Complaint(file.substr(0, file.size() / 2)), HasSubstr("truncated"));
}

TEST(PngCodecTest, RefusesChunksThatClaimMoreThanTheFile) {
  PngBuilder png;
  png.rows = Row({1});
  png.before_pixels = {{"iTXt", std::string("key\0\0\0\0\0text", 12)}};
  std::string file = png.Build();
  file.replace(file.find("iTXt") - 4, 4, BigEndian(0x7400000F));
  EXPECT_THAT(Complaint(file), HasSubstr("claims 1946157071 bytes"));
  EXPECT_THAT(std::string(ReadPngText(BytesOf(file)).status().message()),
              HasSubstr("claims 1946157071 bytes"));
}

TEST(PngCodecTest, RefusesDamage) {
  std::string file = *EncodePng(GradientPicture(20, 20, 3));
  file[file.size() / 2] ^= 1;
  EXPECT_THAT(Complaint(file), HasSubstr("damaged PNG file"));
  EXPECT_FALSE(ReadPngText(BytesOf("no PNG file at all")).ok());
}

}  // namespace
}  // namespace patchbay
