#include "plugins/moma/src/reference_picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/testing/refusal.h"

namespace moma {
namespace {

using patchbay::Refusal;
using ::testing::HasSubstr;

at::Tensor Picture(int64_t height, int64_t width, double grey = 0.2) {
  at::Tensor picture = at::full({1, 4, height, width}, grey);
  picture.select(1, 3).fill_(1);
  return picture;
}

TEST(ReferencePictureTest, TakesTheMaskFromTheOpacity) {
  at::Tensor picture = Picture(4, 6);
  EXPECT_TRUE(ReadSubject(picture, {}, false).is_everywhere);
  picture[0][3].slice(1, 0, 3).fill_(127.0 / 255);
  const Subject subject = ReadSubject(picture, {}, false);
  EXPECT_FALSE(subject.is_everywhere);
  EXPECT_EQ(subject.mask.sum().item<int64_t>(), 12);
  // 0.2 under (1 - 127 / 255) of white.
  EXPECT_EQ(subject.pixels[0][0][0].item<int>(), 153);
  EXPECT_EQ(subject.pixels[0][5][0].item<int>(), 51);
}

TEST(ReferencePictureTest, CutsAGivenMaskInTheMiddle) {
  at::Tensor mask = Picture(4, 6, 127.0 / 255);
  mask[0].slice(0, 0, 3).slice(2, 4, 6).fill_(128.0 / 255);
  EXPECT_EQ(ReadSubject(Picture(4, 6), mask, false).mask.sum().item<int64_t>(), 8);
  // As in the authors' code, whatever is not black.
  EXPECT_TRUE(ReadSubject(Picture(4, 6), mask, true).is_everywhere);
  // A mask of another size is stretched.
  const Subject stretched = ReadSubject(Picture(40, 60), mask, false);
  EXPECT_EQ(stretched.mask.sizes(), (std::vector<int64_t>{40, 60}));
  EXPECT_TRUE(stretched.mask[20][58].item<bool>());
  EXPECT_FALSE(stretched.mask[20][20].item<bool>());
}

TEST(ReferencePictureTest, RefusesASubjectThatIsNowhere) {
  EXPECT_THAT(Refusal([] { ReadSubject(Picture(4, 6), Picture(2, 2, 0.3), false); }),
              HasSubstr("mask is empty"));
  at::Tensor line = Picture(400, 400, 0);
  line[0].slice(0, 0, 3).select(1, 200).fill_(1);
  EXPECT_THAT(Refusal([&] { ReadSubject(Picture(40, 40), line, false); }),
              HasSubstr("mask is so thin"));
  at::Tensor picture = Picture(4, 6);
  picture[0][3].fill_(0.4);
  EXPECT_THAT(Refusal([&] { ReadSubject(picture, {}, false); }), HasSubstr("transparent all over"));
}

TEST(ReferencePictureTest, CutsOutTheSubjectWithAMargin) {
  at::Tensor mask = Picture(100, 200, 0);
  mask[0].slice(0, 0, 3).slice(1, 30, 50).slice(2, 100, 140).fill_(1);
  const Subject cut = CutOut(ReadSubject(Picture(100, 200), mask, false));
  // 40 is the longer side of the box; 3 pixels in each direction.
  EXPECT_EQ(cut.mask.sizes(), (std::vector<int64_t>{26, 46}));
  EXPECT_TRUE(cut.mask[3][3].item<bool>());
  EXPECT_FALSE(cut.mask[2][3].item<bool>());
  // Not beyond the picture.
  EXPECT_EQ(CutOut(ReadSubject(Picture(10, 20), {}, false)).mask.sizes(),
            (std::vector<int64_t>{10, 20}));
}

TEST(ReferencePictureTest, FillsASquare) {
  at::Tensor pixels = at::full({10, 20, 3}, 100, at::kByte);
  pixels[0].fill_(50);
  const at::Tensor white = FitSquare(pixels, 20, Margin::kWhite);
  EXPECT_EQ(white[4][7][0].item<int>(), 255);
  EXPECT_EQ(white[5][7][0].item<int>(), 50);
  EXPECT_EQ(white[14][7][0].item<int>(), 100);
  EXPECT_EQ(white[15][7][0].item<int>(), 255);
  const at::Tensor edge = FitSquare(pixels, 20, Margin::kEdge);
  EXPECT_EQ(edge[0][0][0].item<int>(), 50);
  EXPECT_EQ(edge[19][19][0].item<int>(), 100);
  const at::Tensor mask = FitSquareMask(at::ones({10, 20}, at::kBool), 20);
  EXPECT_FALSE(mask[4][0].item<bool>());
  EXPECT_TRUE(mask[5][0].item<bool>());
  EXPECT_EQ(mask.sum().item<int64_t>(), 200);
}

TEST(ReferencePictureTest, TakesExtremePictures) {
  for (const auto& [height, width] : {std::pair<int64_t, int64_t>{1, 1}, {200, 3000}, {3000, 1}}) {
    const Subject subject = CutOut(ReadSubject(Picture(height, width), {}, false));
    EXPECT_EQ(FitSquare(subject.pixels, 64, Margin::kEdge).sizes(),
              (std::vector<int64_t>{64, 64, 3}));
    EXPECT_TRUE(FitSquareMask(subject.mask, 64).any().item<bool>());
  }
  // One pixel of a large mask.
  at::Tensor thin = at::zeros({3000, 3000}, at::kBool);
  thin[1500][7] = true;
  EXPECT_TRUE(FitSquareMask(thin, 64).any().item<bool>());
}

TEST(ReferencePictureTest, WhitensTheBackground) {
  at::Tensor picture = Picture(4, 6);
  at::Tensor mask = Picture(4, 6, 0);
  mask[0].slice(0, 0, 3).slice(2, 3, 6).fill_(1);
  const at::Tensor over_white = OverWhite(ReadSubject(picture, mask, false));
  EXPECT_EQ(over_white[0][0][1].item<int>(), 255);
  EXPECT_EQ(over_white[0][5][1].item<int>(), 51);
}

}  // namespace
}  // namespace moma
