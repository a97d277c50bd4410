#include "plugins/clip_vision/src/preprocessing.h"

#include <gtest/gtest.h>

#include "plugins/clip_vision/src/resampling.h"

namespace clip_vision {
namespace {

TEST(PreprocessingTest, ReadsTheEightBitsOfColours) {
  at::Tensor rgba = at::rand({1, 4, 3, 2});
  rgba[0][1][2][1] = 77.0 / 255;
  const at::Tensor pixels = Pixels(rgba);
  ASSERT_EQ(pixels.sizes(), (at::IntArrayRef{3, 2, 3}));
  EXPECT_EQ(pixels[2][1][1].item<int>(), 77);
}

TEST(PreprocessingTest, KeepsTheMiddleOfTheLongerSide) {
  const at::Tensor wide = at::randint(256, {16, 49, 3}, at::kByte);
  const at::Tensor whole = Resize(wide, {8, 24}, Filter::kBicubic);
  EXPECT_TRUE(at::equal(CentreSquare(wide, 8), whole.slice(1, 8, 16)));
  const at::Tensor high = wide.transpose(0, 1).contiguous();
  EXPECT_TRUE(
      at::equal(CentreSquare(high, 8), Resize(high, {24, 8}, Filter::kBicubic).slice(0, 8, 16)));
}

// The resized picture would have 16 million pixels in a row of 224.
TEST(PreprocessingTest, TakesAnyProportions) {
  EXPECT_EQ(CentreSquare(at::zeros({1, 72000, 3}, at::kByte), 224).sizes(),
            (at::IntArrayRef{224, 224, 3}));
  EXPECT_EQ(CentreSquare(at::zeros({1, 1, 3}, at::kByte), 224).sizes(),
            (at::IntArrayRef{224, 224, 3}));
}

TEST(PreprocessingTest, TakesMeanAndDeviationOff) {
  const at::Tensor squares = at::full({1, 2, 2, 3}, 255, at::kByte);
  const at::Tensor normalised = Normalised(squares);
  ASSERT_EQ(normalised.sizes(), (at::IntArrayRef{1, 3, 2, 2}));
  EXPECT_NEAR(normalised[0][0][1][1].item<float>(), (1 - 0.48145466) / 0.26862954, 1e-6);
  EXPECT_NEAR(normalised[0][2][0][1].item<float>(), (1 - 0.40821073) / 0.27577711, 1e-6);
}

}  // namespace
}  // namespace clip_vision
