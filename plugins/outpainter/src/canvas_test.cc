#include "plugins/outpainter/src/canvas.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "plugins/testing/refusal.h"

namespace outpainter {
namespace {

using ::testing::HasSubstr;

at::Tensor Opaque(int64_t height, int64_t width) {
  at::Tensor rgba = at::rand({1, 4, height, width});
  rgba.slice(1, 3, 4).fill_(1);
  return rgba;
}

Canvas Placed(const at::Tensor& rgba, const at::Tensor& mask, const Margins& margins,
              CanvasSize size) {
  const CanvasSize finished = FinishedSize({rgba.size(2), rgba.size(3)}, margins, size, 8);
  return PlaceOnCanvas(rgba, mask, margins, size, finished);
}

std::string Refusal(const at::Tensor& rgba, const at::Tensor& mask, const Margins& margins,
                    CanvasSize size) {
  return patchbay::Refusal([&] { Placed(rgba, mask, margins, size); });
}

TEST(CanvasTest, KeepsThePictureBitByBit) {
  const at::Tensor rgba = Opaque(9, 13);
  const Canvas canvas = Placed(rgba, {}, {3, 5}, {24, 32});
  ASSERT_EQ(canvas.picture.sizes(), (at::IntArrayRef{1, 3, 24, 32}));
  const at::Tensor kept = canvas.picture.slice(2, 5, 14).slice(3, 3, 16);
  EXPECT_TRUE(at::equal(kept, 2 * rgba.slice(1, 0, 3) - 1));
  EXPECT_EQ(canvas.known.sum().item<float>(), 9 * 13);
  EXPECT_EQ(canvas.known[0][0][5][3].item<float>(), 1);
  EXPECT_EQ(canvas.known[0][0][4][3].item<float>(), 0);
}

TEST(CanvasTest, PutsItInTheMiddle) {
  const Canvas canvas = Placed(Opaque(8, 8), {}, {-1, -1}, {16, 24});
  EXPECT_EQ(canvas.known.slice(2, 4, 12).slice(3, 8, 16).sum().item<float>(), 64);
}

TEST(CanvasTest, LeavesWhatTheMarginsSay) {
  const at::Tensor rgba = Opaque(8, 8);
  const auto begins_at = [&](const Margins& margins) {
    const at::Tensor known = Placed(rgba, {}, margins, {24, 32}).known;
    return std::pair(at::argmax(known.amax({0, 1, 3})).item<int64_t>(),
                     at::argmax(known.amax({0, 1, 2})).item<int64_t>());
  };
  EXPECT_EQ(begins_at({.right = 0, .bottom = 3}), std::pair(int64_t{13}, int64_t{24}));
  EXPECT_EQ(begins_at({.left = 5, .right = 19}), std::pair(int64_t{8}, int64_t{5}));
  EXPECT_EQ(begins_at({.top = 0}), std::pair(int64_t{0}, int64_t{12}));
}

TEST(CanvasTest, CutsOffWhatLiesBeyondTheMargins) {
  EXPECT_EQ(FinishedSize({9, 13}, {1, 2, 3, 4}, {16, 24}, 8), (CanvasSize{15, 17}));
  EXPECT_EQ(FinishedSize({9, 13}, {1, 2, -1, 4}, {16, 24}, 8), (CanvasSize{15, 24}));
  EXPECT_EQ(FinishedSize({9, 13}, {}, {16, 24}, 8), (CanvasSize{16, 24}));
  // What is cut off is nothing that could be painted.
  EXPECT_THAT(Refusal(Opaque(9, 13), {}, {0, 0, 0, 0}, {16, 16}),
              HasSubstr("covers the canvas, 13x9"));
  EXPECT_THAT(Refusal(Opaque(9, 13), {}, {0, 0, 0, 0}, {16, 24}),
              HasSubstr("13 pixels wide, and the canvas is 24; draw a size of 16"));
}

TEST(CanvasTest, FillsWithWhatLiesAround) {
  at::Tensor rgba = Opaque(16, 16);
  rgba.slice(1, 0, 3).fill_(0.25);
  const Canvas canvas = Placed(rgba, {}, {7, 0}, {16, 64});
  EXPECT_TRUE(at::allclose(canvas.picture, at::full_like(canvas.picture, -0.5)));
  // Two halves: far to the left the fill has the left one's colour.
  rgba.slice(3, 8, 16).slice(1, 0, 3).fill_(0.75);
  const at::Tensor wide = Placed(rgba, {}, {24, 0}, {16, 64}).picture;
  EXPECT_LT(wide[0][0][8][20].item<float>(), -0.3);
  EXPECT_GT(wide[0][0][8][43].item<float>(), 0.3);
}

TEST(CanvasTest, MaskedAndTransparentPixelsArePainted) {
  at::Tensor rgba = Opaque(8, 8);
  rgba.slice(1, 3, 4).slice(2, 0, 2).fill_(0.4);
  at::Tensor mask = at::zeros({1, 4, 8, 8});
  mask.slice(3, 6, 8).fill_(1);
  const Canvas canvas = Placed(rgba, mask, {0, 0}, {8, 8});
  EXPECT_EQ(canvas.known.sum().item<float>(), 6 * 6);
}

TEST(CanvasTest, SaysWhatDoesNotFit) {
  EXPECT_THAT(Refusal(Opaque(8, 40), {}, {-1, -1}, {32, 32}),
              HasSubstr("40 pixels wide, and the canvas is 32; draw a size of 40"));
  EXPECT_THAT(Refusal(Opaque(8, 8), {}, {0, 30}, {32, 32}),
              HasSubstr("38 pixels high, and the canvas is 32; draw a size of 40"));
  EXPECT_THAT(Refusal(Opaque(32, 32), {}, {-1, -1}, {32, 32}), HasSubstr("covers the canvas"));
  EXPECT_THAT(Refusal(Opaque(32, 32), at::zeros({1, 4, 32, 32}), {-1, -1}, {32, 32}),
              HasSubstr("nothing of the mask is white"));
  EXPECT_THAT(Refusal(at::zeros({1, 4, 8, 8}), {}, {-1, -1}, {32, 32}),
              HasSubstr("nothing of the"));
  EXPECT_THAT(Refusal(Opaque(8, 8), at::zeros({1, 4, 8, 9}), {-1, -1}, {32, 32}),
              HasSubstr("must be alike"));
}

TEST(CanvasTest, FramesAreAsPicturesOfTheirOwn) {
  at::Tensor clip = at::cat({Opaque(9, 13), Opaque(9, 13), Opaque(9, 13)});
  clip[1][3].slice(1, 5, 9).fill_(0);
  const Margins margins = {3, 5, -1, -1};
  const Canvas canvas = Placed(clip, {}, margins, {24, 32});
  for (int64_t i = 0; i < 3; ++i) {
    const Canvas alone = Placed(clip.slice(0, i, i + 1), {}, margins, {24, 32});
    EXPECT_TRUE(at::allclose(canvas.picture.slice(0, i, i + 1), alone.picture)) << i;
    EXPECT_TRUE(at::equal(canvas.known.slice(0, i, i + 1), alone.known)) << i;
  }
}

TEST(CanvasTest, MasksAreForAllFramesOrForEach) {
  const at::Tensor clip = at::cat({Opaque(8, 8), Opaque(8, 8), Opaque(8, 8)});
  at::Tensor mask = at::zeros({1, 4, 8, 8});
  mask.slice(3, 6, 8).fill_(1);
  EXPECT_EQ(Placed(clip, mask, {0, 0}, {8, 8}).known.sum().item<float>(), 3 * 6 * 8);
  const at::Tensor masks = at::cat({mask, at::zeros_like(mask), mask});
  EXPECT_EQ(Placed(clip, masks, {0, 0}, {8, 8}).known.sum().item<float>(), (6 + 8 + 6) * 8);
  EXPECT_THAT(Refusal(clip, masks.slice(0, 0, 2), {0, 0}, {8, 8}),
              HasSubstr("the mask has 2 frames and the picture 3"));
}

// A clip's frames may be known as a whole, some of them; none may be unknown as a whole.
TEST(CanvasTest, SomethingIsKnownOfEachFrame) {
  at::Tensor clip = at::cat({Opaque(8, 8), Opaque(8, 8), Opaque(8, 8)});
  EXPECT_THAT(Refusal(clip, {}, {0, 0, 0, 0}, {8, 8}), HasSubstr("covers the canvas"));
  clip[2][3].slice(0, 0, 4).fill_(0);
  EXPECT_EQ(Placed(clip, {}, {0, 0, 0, 0}, {8, 8}).known.sum().item<float>(), 160);
  clip[1][3].fill_(0);
  EXPECT_THAT(Refusal(clip, {}, {0, 0, 0, 0}, {8, 8}), HasSubstr("nothing of frame 2 is known"));
}

TEST(CanvasTest, HasNoMorePixelsThanMemoryIsTakenFor) {
  const auto refusal = [](int64_t frames, CanvasSize size) {
    return patchbay::Refusal([&] { CheckClipPixels(frames, size); });
  };
  EXPECT_EQ(refusal(1, {8192, 8192}), "");
  EXPECT_EQ(refusal(16, {2048, 2048}), "");
  EXPECT_THAT(refusal(1, {8192, 8200}),
              HasSubstr("8200x8192 pixels, and 67108864 are the most; draw a smaller size"));
  EXPECT_THAT(refusal(16, {2048, 2056}), HasSubstr("16 frames of 2056x2048"));
}

}  // namespace
}  // namespace outpainter
