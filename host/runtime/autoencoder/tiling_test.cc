#include "host/runtime/autoencoder/tiling.h"

#include "gtest/gtest.h"

namespace patchbay {
namespace {

TilingOptions Tiles(int64_t tile, int64_t overlap) {
  return {.mode = TilingOptions::Mode::kAlways, .tile = tile, .overlap = overlap};
}

TEST(CutIntoTilesTest, CoversEverySizeWithEqualTilesThatShareTheOverlap) {
  for (const auto& [tile, overlap] : {std::pair{16, 4}, {16, 8}, {7, 3}, {5, 0}, {1, 0}}) {
    for (int64_t size = 1; size <= 100; ++size) {
      SCOPED_TRACE(testing::Message() << size << " in " << tile << " sharing " << overlap);
      const TileCut cut = CutIntoTiles(size, Tiles(tile, overlap));
      EXPECT_LE(cut.length, tile);
      EXPECT_EQ(cut.starts.front(), 0);
      EXPECT_EQ(cut.starts.back() + cut.length, size);
      for (size_t i = 1; i < cut.starts.size(); ++i) {
        EXPECT_GT(cut.starts[i], cut.starts[i - 1]);
        EXPECT_GE(cut.starts[i - 1] + cut.length - cut.starts[i], overlap);
      }
      // One tile fewer would not do.
      const auto count = static_cast<int64_t>(cut.starts.size());
      EXPECT_TRUE(count == 1 || (count - 1) * (tile - overlap) + overlap < size);
    }
  }
}

TEST(CutIntoTilesTest, TakesNonsenseAsTheNearestSense) {
  EXPECT_EQ(CutIntoTiles(10, Tiles(0, -3)).starts.size(), 10u);
  EXPECT_EQ(CutIntoTiles(10, Tiles(4, 100)).length, CutIntoTiles(10, Tiles(4, 2)).length);
}

TEST(RunTiledTest, LeavesWhatTilesAgreeOnExactlyAsItIs) {
  const at::Tensor input = at::randn({2, 3, 37, 53});
  const auto identity = [](const at::Tensor& x) { return x; };
  EXPECT_TRUE(RunTiled(input, Tiles(16, 5), {}, identity).equal(input));
}

TEST(RunTiledTest, KeepsPlacesWhereTheNetworkChangesTheSize) {
  const at::Tensor input = at::randn({1, 3, 29, 18});
  const auto triple = [](const at::Tensor& x) {
    return at::upsample_nearest2d(x, {x.size(2) * 3, x.size(3) * 3});
  };
  EXPECT_TRUE(
      RunTiled(input, Tiles(10, 3), {.input = 1, .output = 3}, triple).equal(triple(input)));
  const auto pool = [](const at::Tensor& x) { return at::avg_pool2d(x, {3, 3}); };
  const at::Tensor large = triple(input);
  EXPECT_TRUE(RunTiled(large, Tiles(10, 3), {.input = 3, .output = 1}, pool).equal(pool(large)));
}

TEST(RunTiledTest, CallsTheNetworkOnceWhereOneTileHoldsAll) {
  int calls = 0;
  const auto count = [&calls](const at::Tensor& x) {
    ++calls;
    return x * 2;
  };
  const at::Tensor input = at::randn({1, 1, 16, 16});
  EXPECT_TRUE(RunTiled(input, Tiles(16, 4), {}, count).equal(input * 2));
  EXPECT_EQ(calls, 1);
}

// Four tiles, each of one value: the result must be their bilinear mixture, by hand.
TEST(RunTiledTest, BlendsLinearlyInBothDirections) {
  double next = 0;
  const auto constant = [&next](const at::Tensor& x) { return at::full_like(x, next++ * 10); };
  const at::Tensor out = RunTiled(at::zeros({1, 1, 12, 12}), Tiles(8, 4), {}, constant)[0][0];
  // Tiles cover 0..8 and 4..12; their shares of the second one in cells 4 to 7 are 1/8, 3/8 ...
  const auto share = [](int64_t cell) {
    return cell < 4 ? 0.0 : cell >= 8 ? 1.0 : (static_cast<double>(cell - 4) + 0.5) / 4;
  };
  for (int64_t y = 0; y < 12; ++y) {
    for (int64_t x = 0; x < 12; ++x) {
      const double expected = 20 * share(y) + 10 * share(x);
      EXPECT_NEAR(out[y][x].item<double>(), expected, 1e-5) << y << ", " << x;
    }
  }
}

}  // namespace
}  // namespace patchbay
