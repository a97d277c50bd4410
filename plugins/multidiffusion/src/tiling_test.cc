#include "plugins/multidiffusion/src/tiling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace multidiffusion {
namespace {

using ::testing::ElementsAre;

TEST(TilingTest, StartsAStrideApart) {
  // The published code has (256 - 64) / 8 + 1 columns for 512 x 2048 pixels.
  EXPECT_EQ(CountWindows({.window = 64, .stride = 8}, {64, 256}), 25);
  EXPECT_THAT(StartsAlong(32, 16, 8), ElementsAre(0, 8, 16));
}

TEST(TilingTest, TheLastWindowEndsWhereTheSideDoes) {
  EXPECT_THAT(StartsAlong(37, 16, 8), ElementsAre(0, 8, 16, 21));
  EXPECT_THAT(StartsAlong(17, 16, 16), ElementsAre(0, 1));
}

TEST(TilingTest, OneWindowForASideItCovers) {
  EXPECT_THAT(StartsAlong(16, 16, 8), ElementsAre(0));
  EXPECT_THAT(StartsAlong(9, 16, 8), ElementsAre(0));
  EXPECT_THAT(WindowsOver({.window = 16, .stride = 8}, {9, 24}),
              ElementsAre(Window{0, 0, 9, 16}, Window{0, 8, 9, 16}));
}

TEST(TilingTest, GoesRowByRow) {
  EXPECT_THAT(
      WindowsOver({.window = 4, .stride = 4}, {8, 8}),
      ElementsAre(Window{0, 0, 4, 4}, Window{0, 4, 4, 4}, Window{4, 0, 4, 4}, Window{4, 4, 4, 4}));
}

TEST(TilingTest, WrapsAtEqualDistances) {
  EXPECT_THAT(StartsAround(32, 8), ElementsAre(0, 8, 16, 24));
  EXPECT_THAT(StartsAround(30, 8), ElementsAre(0, 7, 15, 22));
  EXPECT_EQ(CountWindows({.window = 64, .stride = 8, .wraps = true}, {64, 256}), 32);
}

// Also where one window would cover the width: otherwise nothing would cross the seam.
TEST(TilingTest, WrapsNarrowCanvases) {
  EXPECT_THAT(WindowsOver({.window = 16, .stride = 4, .wraps = true}, {16, 8}),
              ElementsAre(Window{0, 0, 16, 8}, Window{0, 4, 16, 8}));
  EXPECT_THAT(StartsAround(8, 16), ElementsAre(0, 4));
}

TEST(TilingTest, CountsWhatItMakes) {
  for (const bool wraps : {false, true}) {
    for (const int64_t width : {1, 5, 16, 17, 40, 63}) {
      for (const int64_t stride : {1, 3, 8, 16}) {
        const Tiling tiling{.window = 16, .stride = stride, .wraps = wraps};
        EXPECT_EQ(CountWindows(tiling, {21, width}),
                  static_cast<int64_t>(WindowsOver(tiling, {21, width}).size()));
      }
    }
  }
}

}  // namespace
}  // namespace multidiffusion
