#include "plugins/animatediff/src/pattern_mask.h"

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace animatediff {
namespace {

TEST(PatternMaskTest, DrawsEverySideWithinTheRange) {
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(7);
  int64_t widest = 0;
  int64_t narrowest = 1000;
  bool differs = false;
  for (int i = 0; i < 200; ++i) {
    const Margins margins = DrawMargins(0.1, 0.4, {200, 100}, generator);
    for (const int64_t side : {margins.left, margins.right}) {
      ASSERT_GE(side, 10);
      ASSERT_LE(side, 40);
      widest = std::max(widest, side);
      narrowest = std::min(narrowest, side);
    }
    ASSERT_GE(std::min(margins.top, margins.bottom), 20);
    ASSERT_LE(std::max(margins.top, margins.bottom), 80);
    differs = differs || margins.left != margins.right;
  }
  EXPECT_GE(widest, 38);
  EXPECT_LE(narrowest, 12);
  EXPECT_TRUE(differs);
}

TEST(PatternMaskTest, MarksMarginsToThePixelAndTheCellsThatTheyTouch) {
  const at::Tensor unknown = UnknownPixels({.left = 3, .bottom = 2}, {8, 12});
  EXPECT_EQ(unknown.sum().item<float>(), 8 * 12 - 6 * 9);
  EXPECT_EQ(unknown[0][0][0][2].item<float>(), 1.f);
  EXPECT_EQ(unknown[0][0][5][3].item<float>(), 0.f);
  EXPECT_EQ(unknown[0][0][6][3].item<float>(), 1.f);
  const at::Tensor cells = UnknownCells(unknown, 4);
  EXPECT_TRUE(at::equal(cells[0][0], at::tensor({1.f, 0.f, 0.f, 1.f, 1.f, 1.f}).view({2, 3})));
}

TEST(PatternMaskTest, IsTheSameFromTheSameSeed) {
  const auto draw = [] {
    return DrawMargins(0, 0.4, {512, 512}, at::make_generator<at::CPUGeneratorImpl>(3));
  };
  EXPECT_EQ(draw().left, draw().left);
  EXPECT_EQ(draw().bottom, draw().bottom);
}

}  // namespace
}  // namespace animatediff
