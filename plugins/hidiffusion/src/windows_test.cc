#include "plugins/hidiffusion/src/windows.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <utility>

namespace hidiffusion {
namespace {

// Tokens that hold their own row and column.
at::Tensor Positions(Grid grid) {
  const at::Tensor rows = at::arange(grid.height).unsqueeze(1).expand({grid.height, grid.width});
  const at::Tensor columns = at::arange(grid.width).unsqueeze(0).expand({grid.height, grid.width});
  return at::stack({rows, columns}, -1).reshape({1, grid.height * grid.width, 2}).to(at::kFloat);
}

std::pair<int, int> FirstOf(const at::Tensor& windows, int64_t window) {
  return {windows[window][0][0].item<int>(), windows[window][0][1].item<int>()};
}

TEST(HiDiffusionWindowsTest, CutsFourQuarters) {
  const at::Tensor windows = ToWindows(Positions({8, 12}), {8, 12}, 0);
  ASSERT_EQ(windows.sizes(), (at::IntArrayRef{4, 24, 2}));
  EXPECT_EQ(FirstOf(windows, 0), std::pair(0, 0));
  EXPECT_EQ(FirstOf(windows, 1), std::pair(0, 6));
  EXPECT_EQ(FirstOf(windows, 2), std::pair(4, 0));
  EXPECT_EQ(FirstOf(windows, 3), std::pair(4, 6));
}

TEST(HiDiffusionWindowsTest, MovesByQuartersOfAWindow) {
  // Windows of 8 x 16: a shift of one is 2 down and 4 to the right.
  const Grid grid{16, 32};
  for (int shift = 0; shift < 4; ++shift) {
    EXPECT_EQ(FirstOf(ToWindows(Positions(grid), grid, shift), 0), std::pair(2 * shift, 4 * shift));
  }
}

TEST(HiDiffusionWindowsTest, LowWindowsDoNotMoveAtAll) {
  // Windows of 3 x 16: three quartered is nothing, and then nothing moves to the side either.
  const Grid grid{6, 32};
  EXPECT_EQ(FirstOf(ToWindows(Positions(grid), grid, 3), 0), std::pair(0, 0));
}

TEST(HiDiffusionWindowsTest, ComesBack) {
  for (const Grid grid : {Grid{8, 8}, Grid{6, 32}, Grid{16, 20}}) {
    const at::Tensor tokens = at::randn({3, grid.height * grid.width, 5});
    for (int shift = 0; shift < 4; ++shift) {
      EXPECT_TRUE(at::equal(FromWindows(ToWindows(tokens, grid, shift), grid, shift), tokens));
    }
  }
}

TEST(HiDiffusionWindowsTest, KeepsRowsOfTheBatchTogether) {
  const at::Tensor batch = at::arange(2).reshape({2, 1, 1}).expand({2, 16, 1}).to(at::kFloat);
  const at::Tensor windows = ToWindows(batch, {4, 4}, 1);
  for (int64_t window = 0; window < 8; ++window) {
    EXPECT_EQ(windows[window].mean().item<float>(), window < 4 ? 0.f : 1.f);
  }
}

TEST(HiDiffusionWindowsTest, ResizesOddGrids) {
  const Grid grid{5, 8};
  const at::Tensor tokens = at::randn({2, 40, 3});
  const at::Tensor windows = ToWindows(tokens, grid, 0);
  EXPECT_EQ(windows.sizes(), (at::IntArrayRef{8, 12, 3}));
  const at::Tensor back = FromWindows(windows, grid, 0);
  ASSERT_EQ(back.sizes(), tokens.sizes());
  // What varies slowly survives being resized twice.
  const at::Tensor level = at::full({1, 40, 3}, 2.5);
  EXPECT_TRUE(at::allclose(FromWindows(ToWindows(level, grid, 2), grid, 2), level));
}

}  // namespace
}  // namespace hidiffusion
