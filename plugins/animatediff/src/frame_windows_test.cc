#include "plugins/animatediff/src/frame_windows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace animatediff {
namespace {

using Starts = std::vector<int64_t>;

TEST(WindowStartsTest, BeginEveryStrideAndEndWithTheClip) {
  EXPECT_EQ(WindowStarts(32, 16, 4), (Starts{0, 4, 8, 12, 16}));
  EXPECT_EQ(WindowStarts(41, 16, 4), (Starts{0, 4, 8, 12, 16, 20, 24, 25}));
  EXPECT_EQ(WindowStarts(16, 16, 4), Starts{0});
  EXPECT_EQ(WindowStarts(1, 16, 4), Starts{0});
}

TEST(WindowStartsTest, CoverFramesAsOftenAsTheAuthorsDo) {
  std::vector<int> counts(32);
  for (const int64_t start : WindowStarts(32, 16, 4)) {
    for (int64_t i = start; i < start + 16; ++i) ++counts[static_cast<size_t>(i)];
  }
  const std::vector<int> blocks = {1, 2, 3, 4, 4, 3, 2, 1};
  for (size_t i = 0; i < counts.size(); ++i) EXPECT_EQ(counts[i], blocks[i / 4]) << i;
}

TEST(WindowStartsTest, EveryFrameOfEveryClipIsCoveredAndNoWindowLeavesIt) {
  for (int64_t frames = 1; frames <= 64; ++frames) {
    for (int64_t window = 1; window <= 32; ++window) {
      for (int64_t stride = 1; stride <= window; ++stride) {
        const Starts starts = WindowStarts(frames, window, stride);
        const int64_t length = std::min(window, frames);
        int64_t covered = 0;
        for (const int64_t start : starts) {
          ASSERT_LE(start, covered) << frames << " " << window << " " << stride;
          ASSERT_LE(start + length, frames);
          ASSERT_GT(start + length, covered);
          covered = start + length;
        }
        ASSERT_EQ(covered, frames);
      }
    }
  }
}

TEST(WindowWeightsTest, AreAlikeOrHighestInTheMiddle) {
  EXPECT_TRUE(at::equal(WindowWeights(WindowWeighting::kUniform, 3), at::ones({3, 1, 1, 1})));
  const at::Tensor even = WindowWeights(WindowWeighting::kTriangular, 4).flatten();
  EXPECT_TRUE(at::allclose(even, at::tensor({0.5f, 1.f, 1.f, 0.5f}))) << even;
  const at::Tensor odd = WindowWeights(WindowWeighting::kTriangular, 5).flatten();
  EXPECT_TRUE(at::allclose(odd, at::tensor({1.f / 3, 2.f / 3, 1.f, 2.f / 3, 1.f / 3}))) << odd;
  EXPECT_TRUE(at::equal(WindowWeights(WindowWeighting::kTriangular, 1), at::ones({1, 1, 1, 1})));
}

}  // namespace
}  // namespace animatediff
