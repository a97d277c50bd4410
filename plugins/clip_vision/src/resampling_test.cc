#include "plugins/clip_vision/src/resampling.h"

#include <gtest/gtest.h>

#include <vector>

namespace clip_vision {
namespace {

at::Tensor Row(const std::vector<int64_t>& values) {
  return at::tensor(values).to(at::kByte).view({1, -1, 1});
}

// The numbers are Pillow 13's for the same rows.
TEST(ResamplingTest, IsPillows) {
  const at::Tensor row = Row({0, 255, 10, 200, 30, 90, 120});
  EXPECT_TRUE(at::equal(Resize(row, {1, 3}, Filter::kBicubic), Row({113, 107, 91})));
  EXPECT_TRUE(at::equal(Resize(row, {1, 12}, Filter::kBicubic),
                        Row({0, 92, 254, 121, 15, 158, 170, 43, 44, 92, 113, 122})));
  EXPECT_TRUE(at::equal(Resize(row, {1, 4}, Filter::kLanczos), Row({106, 130, 84, 96})));
}

TEST(ResamplingTest, KeepsWhatHasItsSize) {
  const at::Tensor pixels = at::randint(256, {5, 7, 3}, at::kByte);
  EXPECT_TRUE(at::equal(Resize(pixels, {5, 7}, Filter::kBicubic), pixels));
  EXPECT_TRUE(at::equal(Resize(pixels, {5, 7}, {1, 2, {3, 4}}, Filter::kBicubic),
                        pixels.slice(0, 1, 4).slice(1, 2, 6)));
}

TEST(ResamplingTest, AWindowIsAPartOfTheWhole) {
  const at::Tensor pixels = at::randint(256, {31, 17, 3}, at::kByte);
  for (const PictureSize size : {PictureSize{12, 40}, PictureSize{60, 9}, PictureSize{31, 30}}) {
    const Window window = {3, 2, {size.height - 5, size.width - 4}};
    const at::Tensor whole = Resize(pixels, size, Filter::kBicubic);
    EXPECT_TRUE(at::equal(Resize(pixels, size, window, Filter::kBicubic),
                          whole.slice(0, 3, size.height - 2).slice(1, 2, size.width - 2)));
  }
}

TEST(ResamplingTest, TakesOnePixel) {
  const at::Tensor one = at::full({1, 1, 3}, 77, at::kByte);
  EXPECT_TRUE(at::equal(Resize(one, {9, 5}, Filter::kLanczos), at::full({9, 5, 3}, 77, at::kByte)));
}

}  // namespace
}  // namespace clip_vision
