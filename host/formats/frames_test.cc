#include "host/formats/frames.h"

#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "host/formats/frame_writer.h"
#include "host/formats/picture_test_data.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;

// A bright square that moves over a gradient.
Picture Scene(int width, int height, int channels, int frame) {
  Picture picture = GradientPicture(width, height, channels);
  for (int y = 8; y < 20; ++y) {
    for (int x = 4 + 3 * frame; x < 16 + 3 * frame && x < width; ++x) {
      const auto at = static_cast<size_t>((y * width + x) * channels);
      picture.pixels[at] = 250;
      picture.pixels[at + 1] = 40;
    }
  }
  return picture;
}

double Psnr(const Picture& a, const Picture& b) {
  double sum = 0;
  const size_t count = static_cast<size_t>(a.width) * static_cast<size_t>(a.height);
  for (size_t i = 0; i < count; ++i) {
    for (size_t c = 0; c < 3; ++c) {
      const int difference = int{a.pixels[i * static_cast<size_t>(a.channels) + c]} -
                             int{b.pixels[i * static_cast<size_t>(b.channels) + c]};
      sum += difference * difference;
    }
  }
  return 10 * std::log10(255.0 * 255.0 * 3 * static_cast<double>(count) / std::max(sum, 1e-9));
}

class FramesTest : public testing::Test {
 protected:
  FramesTest()
      : root_(fs::path(testing::TempDir()) /
              ("frames-" +
               std::string(testing::UnitTest::GetInstance()->current_test_info()->name()))) {
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  ~FramesTest() override { fs::remove_all(root_); }

  std::string At(const std::string& name) const { return (root_ / name).string(); }

  std::string Read(const std::string& name) const {
    std::ifstream file(At(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void Write(const std::string& name, const std::string& bytes) const {
    std::ofstream(At(name), std::ios::binary) << bytes;
  }

  void WriteClip(const std::string& name, int frames, int width = 64, int height = 48,
                 int channels = 3) const {
    const auto writer = CreateClip(At(name), {width, height, {24, 1}, ""});
    ASSERT_TRUE(writer.ok()) << writer.status();
    for (int i = 0; i < frames; ++i) {
      const absl::Status status = (*writer)->Add(Scene(width, height, channels, i));
      ASSERT_TRUE(status.ok()) << status;
    }
    const auto notes = (*writer)->Finish();
    ASSERT_TRUE(notes.ok()) << notes.status();
    EXPECT_THAT(*notes, IsEmpty());
  }

  std::string ErrorOf(const std::string& name) const {
    const auto frames = ReadAllFrames(At(name));
    return frames.ok() ? "" : std::string(frames.status().message());
  }

  const fs::path root_;
};

class LossyFramesTest : public FramesTest, public testing::WithParamInterface<const char*> {};

TEST_F(FramesTest, WebpKeepsEveryPixelAndItsOpacity) {
  WriteClip("clip.webp", 5, 61, 45, 4);
  const auto reader = OpenFrames(At("clip.webp"));
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ((*reader)->info().frame_count, 5);
  EXPECT_NEAR(static_cast<double>((*reader)->info().rate.numerator) /
                  static_cast<double>((*reader)->info().rate.denominator),
              24, 0.1);
  for (int i = 0; i < 5; ++i) {
    const auto frame = (*reader)->Next();
    ASSERT_TRUE(frame.ok() && frame->has_value()) << frame.status();
    EXPECT_EQ(LargestDifference(**frame, Scene(61, 45, 4, i)), 0) << i;
  }
  const auto end = (*reader)->Next();
  ASSERT_TRUE(end.ok());
  EXPECT_FALSE(end->has_value());
}

TEST_F(FramesTest, FoldersKeepEveryPixel) {
  WriteClip("clip", 12);
  EXPECT_TRUE(fs::exists(At("clip/000012.png")));
  const auto reader = OpenFrameFolder(At("clip"));
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ((*reader)->info().frame_count, 12);
  for (int i = 0; i < 12; ++i) {
    const auto frame = (*reader)->Next();
    ASSERT_TRUE(frame.ok() && frame->has_value()) << frame.status();
    EXPECT_EQ(LargestDifference(**frame, Scene(64, 48, 3, i)), 0) << i;
  }
  EXPECT_FALSE((*reader)->Next()->has_value());
}

TEST_F(FramesTest, NumbersInNamesCountAsNumbers) {
  fs::create_directories(At("clip"));
  for (const int i : {1, 2, 9, 10, 11, 100}) {
    const auto png = EncodePng(Scene(64, 48, 3, i));
    Write("clip/frame-" + std::to_string(i) + ".png", *png);
  }
  Write("clip/notes.txt", "no picture");
  Write("clip/.hidden.png", "no picture");
  const auto reader = OpenFrameFolder(At("clip"));
  ASSERT_TRUE(reader.ok()) << reader.status();
  for (const int i : {1, 2, 9, 10, 11, 100}) {
    const auto frame = (*reader)->Next();
    ASSERT_TRUE(frame.ok() && frame->has_value()) << frame.status();
    EXPECT_EQ(LargestDifference(**frame, Scene(64, 48, 3, i)), 0) << i;
  }
}

TEST_F(FramesTest, FoldersSayWhichPictureDoesNotFit) {
  fs::create_directories(At("clip"));
  Write("clip/1.png", *EncodePng(Scene(64, 48, 3, 1)));
  Write("clip/2.png", *EncodePng(Scene(64, 48, 3, 2)));
  Write("clip/3.png", *EncodePng(Scene(64, 50, 3, 3)));
  const auto reader = OpenFrameFolder(At("clip"));
  ASSERT_TRUE(reader.ok()) << reader.status();
  ASSERT_TRUE((*reader)->Next().ok());
  ASSERT_TRUE((*reader)->Next().ok());
  EXPECT_THAT(std::string((*reader)->Next().status().message()),
              HasSubstr("frame 3 (3.png) is 64x50, and those before it 64x48"));
  EXPECT_FALSE((*reader)->Next()->has_value());
  fs::create_directories(At("empty"));
  EXPECT_THAT(std::string(OpenFrameFolder(At("empty")).status().message()),
              HasSubstr("no PNG, JPEG or WebP files"));
  Write("clip/2.bmp", "BM");
  EXPECT_THAT(std::string(OpenFrameFolder(At("clip")).status().message()), HasSubstr("2.bmp"));
}

TEST_P(LossyFramesTest, ComeBackNearlyAsTheyWere) {
  WriteClip(GetParam(), 14);
  const auto reader = OpenFrames(At(GetParam()));
  ASSERT_TRUE(reader.ok()) << reader.status();
  const ClipInfo& info = (*reader)->info();
  EXPECT_EQ(info.width, 64);
  EXPECT_EQ(info.height, 48);
  EXPECT_FALSE(info.has_audio);
  const double rate =
      static_cast<double>(info.rate.numerator) / static_cast<double>(info.rate.denominator);
  EXPECT_NEAR(rate, 24, std::string(GetParam()) == "clip.gif" ? 2 : 0.1);
  for (int i = 0; i < 14; ++i) {
    const auto frame = (*reader)->Next();
    ASSERT_TRUE(frame.ok() && frame->has_value()) << i << frame.status();
    EXPECT_GT(Psnr(**frame, Scene(64, 48, 3, i)), 30) << i;
  }
  const auto end = (*reader)->Next();
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_FALSE(end->has_value());
}

TEST_P(LossyFramesTest, WhatIsCutOffIsNotTakenForTheEnd) {
  WriteClip(GetParam(), 30);
  const std::string bytes = Read(GetParam());
  for (const size_t share : {1, 5, 9}) {
    Write(GetParam(), bytes.substr(0, bytes.size() * share / 10));
    EXPECT_NE(ErrorOf(GetParam()), "") << share;
  }
  Write(GetParam(), bytes.substr(0, 12));
  EXPECT_NE(ErrorOf(GetParam()), "");
}

// The commonest damage, and one that libav takes for the end.
TEST_F(FramesTest, TruncatedMp4FilesAreCalledSo) {
  WriteClip("clip.mp4", 30);
  const std::string bytes = Read("clip.mp4");
  const size_t index = bytes.rfind("moov") - 4;
  Write("clip.mp4", bytes.substr(0, index));
  EXPECT_THAT(ErrorOf("clip.mp4"), HasSubstr("its index, which MP4 files often have at their end"));
  Write("clip.mp4", bytes.substr(0, index + 60));
  EXPECT_THAT(ErrorOf("clip.mp4"), HasSubstr("the file is truncated"));
  // A box of a fragment that is not all there.
  Write("clip.mp4", bytes + std::string("\0\0\1\0moof", 8) + std::string(30, '\0'));
  EXPECT_THAT(ErrorOf("clip.mp4"), HasSubstr("the file is truncated"));
  Write("clip.mp4", bytes);
  EXPECT_EQ(ErrorOf("clip.mp4"), "");
}

// Nothing that stands in a file ends this process, or is waited for.
TEST_P(LossyFramesTest, DamagedBytesAreReadOrRefused) {
  WriteClip(GetParam(), 10);
  const std::string bytes = Read(GetParam());
  for (size_t at = 0; at < bytes.size(); at += bytes.size() / 15 + 1) {
    std::string damaged = bytes;
    for (size_t i = at; i < std::min(at + 6, bytes.size()); ++i) {
      damaged[i] = static_cast<char>(damaged[i] ^ 0xA5);
    }
    Write(GetParam(), damaged);
    const auto frames = ReadAllFrames(At(GetParam()));
    EXPECT_TRUE(frames.ok() || absl::IsInvalidArgument(frames.status())) << frames.status();
  }
}

TEST_P(LossyFramesTest, NothingIsLeftOfWhatIsNotFinished) {
  Write(GetParam(), "what was there before");
  {
    const auto writer = CreateClip(At(GetParam()), {64, 48, {24, 1}, ""});
    ASSERT_TRUE(writer.ok()) << writer.status();
    for (int i = 0; i < 3; ++i) ASSERT_TRUE((*writer)->Add(Scene(64, 48, 3, i)).ok());
  }
  EXPECT_EQ(Read(GetParam()), "what was there before");
  EXPECT_EQ(std::distance(fs::directory_iterator(root_), {}), 1);
}

INSTANTIATE_TEST_SUITE_P(Formats, LossyFramesTest,
                         testing::Values("clip.mp4", "clip.webm", "clip.gif"));

TEST_F(FramesTest, UnfinishedFoldersAndWebpFilesLeaveNothing) {
  for (const char* const name : {"clip", "clip.webp"}) {
    const auto writer = CreateClip(At(name), {64, 48, {24, 1}, ""});
    ASSERT_TRUE(writer.ok()) << writer.status();
    ASSERT_TRUE((*writer)->Add(Scene(64, 48, 3, 0)).ok());
    EXPECT_FALSE((*writer)->Add(Scene(64, 50, 3, 0)).ok());
  }
  EXPECT_TRUE(fs::is_empty(root_));
}

TEST_F(FramesTest, FullFoldersAreNotWrittenInto) {
  fs::create_directories(At("empty"));
  EXPECT_TRUE(CreateClip(At("empty"), {64, 48, {}, ""}).ok());
  Write("empty/file", "something");
  EXPECT_EQ(CreateClip(At("empty"), {64, 48, {}, ""}).status().code(),
            absl::StatusCode::kAlreadyExists);
}

// The squares' frame lies where the file's middle is.
TEST_F(FramesTest, DamagedFramesAreNamed) {
  WriteClip("clip.mp4", 30, 128, 96);
  std::string bytes = Read("clip.mp4");
  const size_t data = bytes.find("mdat");
  const size_t end = bytes.find("moov");
  ASSERT_LT(data, end);
  const size_t middle = data + (end - data) * 7 / 10;
  for (size_t i = middle; i < middle + 60; ++i) bytes[i] = static_cast<char>(bytes[i] ^ 0x55);
  Write("clip.mp4", bytes);
  EXPECT_THAT(ErrorOf("clip.mp4"), testing::ContainsRegex("frame [0-9]+ is damaged"));
}

TEST_F(FramesTest, OddSizesAreForOtherFormatsThanMp4) {
  const auto writer = CreateClip(At("clip.mp4"), {61, 48, {24, 1}, ""});
  absl::Status status = writer.status();
  for (int i = 0; status.ok() && i < 4; ++i) status = (*writer)->Add(Scene(61, 48, 3, i));
  if (status.ok()) status = (*writer)->Finish().status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("even sizes only"));
  WriteClip("clip.webm", 4, 61, 45);
  const auto frames = ReadAllFrames(At("clip.webm"));
  ASSERT_TRUE(frames.ok()) << frames.status();
  EXPECT_EQ(frames->size(), 4U);
  EXPECT_EQ(frames->front().width, 61);
  EXPECT_EQ(frames->front().height, 45);
}

std::string GifOfSize(int width, int height) {
  const auto number = [](int value) {
    return std::string{static_cast<char>(value & 0xFF), static_cast<char>(value >> 8)};
  };
  const std::string size = number(width) + number(height);
  return "GIF89a" + size + std::string("\x80\0\0", 3) + std::string("\0\0\0\xff\xff\xff", 6) +
         std::string(",\0\0\0\0", 5) + size + std::string("\0\x02\x02\x44\x01\0;", 7);
}

TEST_F(FramesTest, ClipsWithoutFramesAreRefused) {
  Write("none.gif", GifOfSize(64, 48).substr(0, 19) + ";");
  EXPECT_THAT(ErrorOf("none.gif"), HasSubstr("no frames"));
}

TEST_F(FramesTest, SizesAreCheckedBeforeMemoryIsTaken) {
  Write("large.gif", GifOfSize(10000, 10000));
  EXPECT_THAT(ErrorOf("large.gif"), HasSubstr("10000x10000"));
  WriteClip("clip.webp", 2);
  std::string bytes = Read("clip.webp");
  bytes.replace(24, 6, std::string("\x0f\x27\0\x0f\x27\0", 6));
  Write("clip.webp", bytes);
  EXPECT_THAT(ErrorOf("clip.webp"), HasSubstr("10000x10000"));
}

TEST_F(FramesTest, ManyFramesAreRefusedAtOnceAndReadOneByOne) {
  WriteClip("clip.gif", 40, 64, 48);
  EXPECT_TRUE(ReadAllFrames(At("clip.gif")).ok());
  const auto frames = ReadAllFrames(At("clip.gif"), {.max_pixels = 64 * 48 * 20});
  EXPECT_THAT(std::string(frames.status().message()), HasSubstr("pixels together"));
  const auto reader = OpenFrames(At("clip.gif"), {.max_pixels = 64 * 48 * 20});
  ASSERT_TRUE(reader.ok());
  for (int i = 0; i < 40; ++i) ASSERT_TRUE((*reader)->Next().ok());
}

TEST_F(FramesTest, StillsAreOneFrame) {
  Write("still.png", *EncodePng(Scene(64, 48, 4, 0)));
  const auto frames = ReadAllFrames(At("still.png"));
  ASSERT_TRUE(frames.ok()) << frames.status();
  ASSERT_EQ(frames->size(), 1U);
  EXPECT_EQ(LargestDifference(frames->front(), Scene(64, 48, 4, 0)), 0);
}

TEST_F(FramesTest, OtherFilesAreNamed) {
  Write("list.mp4", "#EXTM3U\nhttp://127.0.0.1/video.mp4\n");
  EXPECT_THAT(ErrorOf("list.mp4"), HasSubstr("a playlist"));
  Write("sound.mp4", std::string("RIFF\x24\0\0\0WAVEfmt ", 16));
  EXPECT_THAT(ErrorOf("sound.mp4"), HasSubstr("sound only"));
  Write("empty.mp4", "");
  EXPECT_THAT(ErrorOf("empty.mp4"), HasSubstr("empty"));
  Write("text.mp4", "what is this?");
  EXPECT_THAT(ErrorOf("text.mp4"), HasSubstr("no PNG, JPEG or WebP"));
}

std::string TextOf(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_F(FramesTest, TheProcessThatDecodesCanOpenNothing) {
#if defined(PATCHBAY_UNCONFINED)
  GTEST_SKIP() << "sanitizers do not work in a confined process";
#endif
  WriteClip("clip.gif", 40, 256, 256);
  // It waits for us to take its frames.
  const auto reader = OpenFrames(At("clip.gif"));
  ASSERT_TRUE(reader.ok()) << reader.status();
  const fs::path self = "/proc/self/task/" + std::to_string(getpid());
  const std::string children = TextOf(self / "children");
  ASSERT_FALSE(children.empty());
  const fs::path child = "/proc/" + std::to_string(std::stoi(children));
  EXPECT_THAT(TextOf(child / "status"), HasSubstr("Seccomp:\t2"));
  EXPECT_THAT(TextOf(child / "limits"), testing::ContainsRegex("Max open files +0 +0"));
  EXPECT_EQ(std::distance(fs::directory_iterator(child / "fd"), {}), 4);
}

}  // namespace
}  // namespace patchbay
