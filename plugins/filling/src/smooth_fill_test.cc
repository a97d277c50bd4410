#include "plugins/filling/src/smooth_fill.h"

#include <gtest/gtest.h>

namespace filling {
namespace {

TEST(SmoothFillTest, KeepsWhatThereIsAndGoesOnFromIt) {
  at::Tensor picture = at::zeros({1, 1, 8, 16});
  picture.slice(3, 8, 16).fill_(1);
  at::Tensor weight = at::zeros({1, 1, 8, 16});
  weight.slice(3, 2, 4).fill_(1);
  weight.slice(3, 12, 14).fill_(1);
  const at::Tensor filled = FillSmoothly(picture * weight, weight);
  EXPECT_TRUE(at::equal(filled.slice(3, 2, 4), picture.slice(3, 2, 4)));
  EXPECT_TRUE(at::equal(filled.slice(3, 12, 14), picture.slice(3, 12, 14)));
  EXPECT_LT(filled[0][0][4][1].item<float>(), 0.3);
  EXPECT_GT(filled[0][0][4][14].item<float>(), 0.7);
  EXPECT_GE(filled.min().item<float>(), 0);
  EXPECT_LE(filled.max().item<float>(), 1);
}

TEST(SmoothFillTest, KnowsWholeCellsOnly) {
  at::Tensor known = at::zeros({1, 1, 24, 24});
  known.slice(2, 7, 24).slice(3, 8, 23).fill_(1);
  const at::Tensor cells = KnownCells(known, 8);
  ASSERT_EQ(cells.sizes(), (at::IntArrayRef{1, 1, 3, 3}));
  EXPECT_EQ(cells.sum().item<float>(), 2);
  EXPECT_EQ(cells[0][0][1][1].item<float>(), 1);
  EXPECT_EQ(cells[0][0][2][1].item<float>(), 1);
}

}  // namespace
}  // namespace filling
