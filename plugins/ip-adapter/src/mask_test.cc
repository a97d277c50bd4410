#include "plugins/ip-adapter/src/mask.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/testing/refusal.h"

namespace ip_adapter {
namespace {

using ::testing::HasSubstr;

at::Tensor LeftHalf(int64_t height, int64_t width) {
  at::Tensor pixels = at::zeros({height, width, 3}, at::kByte);
  pixels.slice(1, 0, width / 2).fill_(255);
  return pixels;
}

TEST(MaskTest, IsStretchedToTheCanvas) {
  const at::Tensor mask = MaskOnCanvas(LeftHalf(10, 20), 64, 48, "mask");
  ASSERT_EQ(mask.sizes(), (at::IntArrayRef{1, 1, 64, 48}));
  EXPECT_EQ(mask.slice(3, 0, 24).min().item<float>(), 1);
  EXPECT_EQ(mask.slice(3, 24, 48).max().item<float>(), 0);
}

TEST(MaskTest, HalfWhiteIsWhite) {
  at::Tensor pixels = at::full({2, 2, 3}, 127, at::kByte);
  pixels[0][0].fill_(128);
  EXPECT_EQ(MaskOnCanvas(pixels, 2, 2, "mask").sum().item<float>(), 1);
  // Pillow's grey of pure green is 150, of pure red 76.
  pixels.zero_();
  pixels[0][0][1] = 255;
  pixels[0][1][0] = 255;
  EXPECT_EQ(MaskOnCanvas(pixels, 2, 2, "mask").sum().item<float>(), 1);
}

TEST(MaskTest, AtQueriesItHasTheirGrid) {
  const at::Tensor mask = MaskOnCanvas(LeftHalf(32, 32), 32, 32, "mask");
  const at::Tensor queries = MaskAtQueries(mask, 4, 8);
  ASSERT_EQ(queries.sizes(), (at::IntArrayRef{1, 32, 1}));
  const at::Tensor grid = queries.view({4, 8});
  EXPECT_NEAR(grid.slice(1, 0, 4).min().item<float>(), 1, 1e-5);
  EXPECT_NEAR(grid.slice(1, 4, 8).max().item<float>(), 0, 1e-5);
}

TEST(MaskTest, AllWhiteIsEverywhere) {
  const at::Tensor white = at::full({3, 5, 3}, 255, at::kByte);
  const at::Tensor queries = MaskAtQueries(MaskOnCanvas(white, 64, 64, "mask"), 8, 8);
  EXPECT_TRUE(at::allclose(queries, at::ones_like(queries), 1e-5, 1e-5));
}

TEST(MaskTest, AnEmptyOneIsRefused) {
  const at::Tensor black = at::full({4, 4, 3}, 127, at::kByte);
  EXPECT_THAT(patchbay::Refusal([&] { MaskOnCanvas(black, 8, 8, "mask_3"); }),
              HasSubstr("mask_3 is empty"));
  EXPECT_THAT(patchbay::Refusal([&] { CheckMask(black, "mask_3"); }), HasSubstr("mask_3 is empty"));
}

TEST(MaskTest, AThinOneThatIsLostIsNotCalledEmpty) {
  at::Tensor line = at::zeros({400, 400, 3}, at::kByte);
  line[200].fill_(255);
  EXPECT_THAT(patchbay::Refusal([&] { MaskOnCanvas(line, 40, 20, "mask"); }),
              HasSubstr("mask is so thin that nothing of it is left at the canvas's 20 x 40"));
}

}  // namespace
}  // namespace ip_adapter
